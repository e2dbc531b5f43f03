namespace Exapyte.Wire;

/// <summary>
/// Marks an exception that says: the call was refused before it was sent anywhere, so it cannot have taken effect.
/// </summary>
public interface INotSent;
