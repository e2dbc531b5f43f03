namespace Exapyte.Simulation;

/// <summary>A property that may never break has broken.</summary>
internal sealed class ViolationException(string rule, string detail) : Exception($"{rule}: {detail}")
{
    /// <summary>Which one.</summary>
    public string Rule => rule;
}
