namespace Exapyte.Keyspaces;

/// <summary>The indexes of a keyspace. Equal where they are the same in the same order. Immutable.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.indexes")]
public sealed record KeyspaceIndexes
{
    /// <summary>Most indexes of a keyspace.</summary>
    public const int IndexesMax = 16;

    /// <summary>Them.</summary>
    [Id(0)]
    public KeyspaceIndex[] Items { get; init; } = [];

    /// <inheritdoc/>
    public bool Equals(KeyspaceIndexes? other) => other is not null && Items.AsSpan().SequenceEqual(other.Items);

    /// <inheritdoc/>
    public override int GetHashCode() => Items.Length == 0 ? 0 : HashCode.Combine(Items.Length, Items[0]);
}

/// <summary>An index: a range of entries is found by what these paths of their JSON lead to. Immutable.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.index")]
public sealed record KeyspaceIndex
{
    /// <summary>Most paths of an index.</summary>
    public const int PathsMax = 4;

    /// <summary>Its name, made like a keyspace's.</summary>
    [Id(0)]
    public required string Name { get; init; }

    /// <summary>What it is over, in its order, each written <c>doc.a.b</c>.</summary>
    [Id(1)]
    public required string[] Paths { get; init; }

    /// <inheritdoc/>
    public bool Equals(KeyspaceIndex? other) =>
        other is not null && Name == other.Name && Paths.AsSpan().SequenceEqual(other.Paths);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Name, Paths.Length);
}
