namespace Exapyte.Client;

/// <summary>Chance for pauses. Nothing that must be repeatable depends on it.</summary>
internal static class Jitter
{
    /// <summary>A number from <paramref name="least"/> to <paramref name="most"/>, both included.</summary>
#pragma warning disable CA5394 // Pauses are no secret.
    public static int Between(int least, int most) => Random.Shared.Next(least, most + 1);
#pragma warning restore CA5394
}
