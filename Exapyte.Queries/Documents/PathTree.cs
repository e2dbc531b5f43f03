using System.Text;

namespace Exapyte.Queries.Documents;

/// <summary>
/// The paths that a query's expressions look at, gathered so that one walk through a document finds them all. Each path
/// has a slot. Changed only while expressions are compiled.
/// </summary>
internal sealed class PathTree
{
    /// <summary>The document itself.</summary>
    public PathNode Root { get; } = new();

    /// <summary>Number of slots.</summary>
    public int Slots { get; private set; }

    /// <summary>The slot of the place that the node stands for.</summary>
    public int SlotOf(PathNode node)
    {
        if (node.Slot < 0)
        {
            node.Slot = Slots++;
        }
        return node.Slot;
    }
}

/// <summary>A place in a document and what is looked at below it.</summary>
internal sealed class PathNode
{
    private readonly List<PathNode> members = [];
    private readonly List<PathNode> elements = [];

    /// <summary>Where the value found here goes; -1 where only what is below it counts.</summary>
    public int Slot { get; set; } = -1;

    /// <summary>The member's name as UTF-8; null for elements and the root.</summary>
    public byte[]? Name { get; private init; }

    /// <summary>The element's place, counted from 0.</summary>
    public long Index { get; private init; }

    /// <summary>Places below, by member.</summary>
    public IReadOnlyList<PathNode> Members => members;

    /// <summary>Places below, by element.</summary>
    public IReadOnlyList<PathNode> Elements => elements;

    /// <summary>The place of a member below this one.</summary>
    public PathNode Member(string name)
    {
        var utf8 = Encoding.UTF8.GetBytes(name);
        var member = members.Find(known => known.Name.AsSpan().SequenceEqual(utf8));
        if (member is null)
        {
            members.Add(member = new() { Name = utf8 });
        }
        return member;
    }

    /// <summary>The place of an element below this one.</summary>
    public PathNode Element(long index)
    {
        var element = elements.Find(known => known.Index == index);
        if (element is null)
        {
            elements.Add(element = new() { Index = index });
        }
        return element;
    }
}
