namespace Exapyte.Wire;

/// <summary>
/// Marks an exception that proves its call never reached a grain: nothing was executed, so that even a write may be sent
/// again. To be put only on exceptions that are thrown before a message leaves, such as that of an absent node.
/// </summary>
public interface INotSent;
