namespace Exapyte.Storage.Stores.Memory;

/// <summary>
/// A node of the tree. A node is written only during the edit that made it; later edits copy it, so whoever holds a
/// root holds a tree that never changes.
/// </summary>
internal abstract class TreeNode(long edit)
{
    public const int Capacity = 32;

    /// <summary>Nodes below this are merged with a neighbour where both fit into one.</summary>
    public const int CountMin = Capacity / 4;

    /// <summary>The edit that made this node and may write it.</summary>
    public long Edit { get; } = edit;

    public int Count { get; set; }
}

/// <summary>Entries in the order of their keys.</summary>
internal sealed class TreeLeaf(long edit) : TreeNode(edit)
{
    public MemoryEntry[] Entries { get; } = new MemoryEntry[Capacity];

    /// <summary>The place of the first entry whose key is not less; whether it is that very key.</summary>
    public int Find(ReadOnlySpan<byte> key, out bool isThere)
    {
        int low = 0;
        int high = Count - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            int order = Entries[middle].Key.AsSpan().SequenceCompareTo(key);
            if (order == 0)
            {
                isThere = true;
                return middle;
            }
            if (order < 0)
                low = middle + 1;
            else
                high = middle - 1;
        }
        isThere = false;
        return low;
    }

    public TreeLeaf CopyFor(long edit)
    {
        var copy = new TreeLeaf(edit) { Count = Count };
        Array.Copy(Entries, copy.Entries, Count);
        return copy;
    }

    public void Insert(int at, MemoryEntry entry)
    {
        Array.Copy(Entries, at, Entries, at + 1, Count - at);
        Entries[at] = entry;
        Count++;
    }

    public void RemoveAt(int at)
    {
        Count--;
        Array.Copy(Entries, at + 1, Entries, at, Count - at);
        Entries[Count] = null!;
    }

    /// <summary>Moves the entries from <paramref name="at"/> on to a new leaf.</summary>
    public TreeLeaf SplitAt(int at)
    {
        var right = new TreeLeaf(Edit) { Count = Count - at };
        Array.Copy(Entries, at, right.Entries, 0, right.Count);
        Array.Clear(Entries, at, right.Count);
        Count = at;
        return right;
    }

    public void Append(TreeLeaf right)
    {
        Array.Copy(right.Entries, 0, Entries, Count, right.Count);
        Count += right.Count;
    }
}

/// <summary>
/// Children with the lowest key that each may hold; the first one's is not looked at. A key belongs to the last child
/// whose lowest key is not greater.
/// </summary>
internal sealed class TreeBranch(long edit) : TreeNode(edit)
{
    public TreeNode[] Children { get; } = new TreeNode[Capacity];

    public byte[][] Lowest { get; } = new byte[Capacity][];

    public int ChildFor(ReadOnlySpan<byte> key)
    {
        int low = 1;
        int high = Count - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            if (Lowest[middle].AsSpan().SequenceCompareTo(key) <= 0)
                low = middle + 1;
            else
                high = middle - 1;
        }
        return high;
    }

    public TreeBranch CopyFor(long edit)
    {
        var copy = new TreeBranch(edit) { Count = Count };
        Array.Copy(Children, copy.Children, Count);
        Array.Copy(Lowest, copy.Lowest, Count);
        return copy;
    }

    public void Insert(int at, byte[] lowest, TreeNode child)
    {
        Array.Copy(Children, at, Children, at + 1, Count - at);
        Array.Copy(Lowest, at, Lowest, at + 1, Count - at);
        Children[at] = child;
        Lowest[at] = lowest;
        Count++;
    }

    public void RemoveAt(int at)
    {
        Count--;
        Array.Copy(Children, at + 1, Children, at, Count - at);
        Array.Copy(Lowest, at + 1, Lowest, at, Count - at);
        Children[Count] = null!;
        Lowest[Count] = null!;
    }

    public TreeBranch SplitAt(int at)
    {
        var right = new TreeBranch(Edit) { Count = Count - at };
        Array.Copy(Children, at, right.Children, 0, right.Count);
        Array.Copy(Lowest, at, right.Lowest, 0, right.Count);
        Array.Clear(Children, at, right.Count);
        Array.Clear(Lowest, at, right.Count);
        Count = at;
        return right;
    }

    /// <summary>Takes over the children of the neighbour whose lowest key is <paramref name="rightLowest"/>.</summary>
    public void Append(byte[] rightLowest, TreeBranch right)
    {
        Array.Copy(right.Children, 0, Children, Count, right.Count);
        Array.Copy(right.Lowest, 0, Lowest, Count, right.Count);
        Lowest[Count] = rightLowest;
        Count += right.Count;
    }
}
