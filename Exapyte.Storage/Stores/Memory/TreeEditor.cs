namespace Exapyte.Storage.Stores.Memory;

/// <summary>
/// One edit of a tree: copies each node that it touches once, and leaves the tree it began with as it was. After
/// <see cref="Root"/> is shown to readers the editor must not be used again.
/// </summary>
/// <remarks>
/// A B+ tree whose paths are copied (Rodeh, "B-trees, Shadowing, and Clones", 2008). Readers take a root and need no
/// lock, a scan is a root held for a while, and a batch shares the copies of the upper nodes. Underfull nodes are merged
/// where they fit with a neighbour, but none borrows: a node may stay small beside a full one.
/// </remarks>
internal sealed class TreeEditor(TreeNode? root, long edit)
{
    public TreeNode? Root { get; private set; } = root;

    /// <summary>Puts an entry and answers the one that it replaces.</summary>
    public MemoryEntry? Set(MemoryEntry entry)
    {
        Root = Writable(Root ?? new TreeLeaf(edit));
        MemoryEntry? replaced = Set(Root, entry, out TreeNode? split, out byte[] splitLowest);
        if (split is null)
            return replaced;
        var top = new TreeBranch(edit);
        top.Insert(0, [], Root);
        top.Insert(1, splitLowest, split);
        Root = top;
        return replaced;
    }

    /// <summary>Removes the entry of a key and answers it.</summary>
    public MemoryEntry? Remove(ReadOnlySpan<byte> key)
    {
        if (Root is null || Find(Root, key) is null)
            return null;
        Root = Writable(Root);
        MemoryEntry removed = Remove(Root, key);
        while (Root is TreeBranch { Count: 1 } branch)
            Root = branch.Children[0];
        if (Root.Count == 0)
            Root = null;
        return removed;
    }

    public static MemoryEntry? Find(TreeNode? root, ReadOnlySpan<byte> key)
    {
        TreeNode? node = root;
        while (node is TreeBranch branch)
            node = branch.Children[branch.ChildFor(key)];
        if (node is not TreeLeaf leaf)
            return null;
        int at = leaf.Find(key, out bool isThere);
        return isThere ? leaf.Entries[at] : null;
    }

    MemoryEntry? Set(TreeNode node, MemoryEntry entry, out TreeNode? split, out byte[] splitLowest)
    {
        if (node is TreeLeaf leaf)
            return SetInLeaf(leaf, entry, out split, out splitLowest);
        var branch = (TreeBranch)node;
        int at = branch.ChildFor(entry.Key);
        TreeNode child = branch.Children[at] = Writable(branch.Children[at]);
        MemoryEntry? replaced = Set(child, entry, out TreeNode? childSplit, out byte[] childLowest);
        split = null;
        splitLowest = [];
        if (childSplit is not null)
            InsertInBranch(branch, at + 1, childLowest, childSplit, out split, out splitLowest);
        return replaced;
    }

    static MemoryEntry? SetInLeaf(TreeLeaf leaf, MemoryEntry entry, out TreeNode? split, out byte[] splitLowest)
    {
        split = null;
        splitLowest = [];
        int at = leaf.Find(entry.Key, out bool isThere);
        if (isThere)
        {
            MemoryEntry replaced = leaf.Entries[at];
            leaf.Entries[at] = entry;
            return replaced;
        }
        if (leaf.Count < TreeNode.Capacity)
        {
            leaf.Insert(at, entry);
            return null;
        }
        // Keys that come in ascending order fill their leaves: what goes behind a full leaf begins the next one.
        int middle = at == leaf.Count ? at : leaf.Count / 2;
        TreeLeaf right = leaf.SplitAt(middle);
        if (at > middle || right.Count == 0)
            right.Insert(at - middle, entry);
        else
            leaf.Insert(at, entry);
        split = right;
        splitLowest = right.Entries[0].Key;
        return null;
    }

    static void InsertInBranch(
        TreeBranch branch,
        int at,
        byte[] lowest,
        TreeNode child,
        out TreeNode? split,
        out byte[] splitLowest
    )
    {
        split = null;
        splitLowest = [];
        if (branch.Count < TreeNode.Capacity)
        {
            branch.Insert(at, lowest, child);
            return;
        }
        int middle = branch.Count / 2;
        TreeBranch right = branch.SplitAt(middle);
        splitLowest = right.Lowest[0];
        if (at > middle)
            right.Insert(at - middle, lowest, child);
        else
            branch.Insert(at, lowest, child);
        split = right;
    }

    MemoryEntry Remove(TreeNode node, ReadOnlySpan<byte> key)
    {
        if (node is TreeLeaf leaf)
        {
            int place = leaf.Find(key, out _);
            MemoryEntry found = leaf.Entries[place];
            leaf.RemoveAt(place);
            return found;
        }
        var branch = (TreeBranch)node;
        int at = branch.ChildFor(key);
        TreeNode child = branch.Children[at] = Writable(branch.Children[at]);
        MemoryEntry removed = Remove(child, key);
        if (child.Count == 0)
            branch.RemoveAt(at);
        else if (child.Count < TreeNode.CountMin && !TryMerge(branch, at))
            TryMerge(branch, at - 1);
        return removed;
    }

    /// <summary>Merges a child with its right neighbour, if there is one and both fit into one node.</summary>
    bool TryMerge(TreeBranch branch, int at)
    {
        if (at < 0 || at + 1 >= branch.Count)
            return false;
        if (branch.Children[at].Count + branch.Children[at + 1].Count > TreeNode.Capacity)
            return false;
        TreeNode left = branch.Children[at] = Writable(branch.Children[at]);
        if (left is TreeLeaf leaf)
            leaf.Append((TreeLeaf)branch.Children[at + 1]);
        else
            ((TreeBranch)left).Append(branch.Lowest[at + 1], (TreeBranch)branch.Children[at + 1]);
        branch.RemoveAt(at + 1);
        return true;
    }

    TreeNode Writable(TreeNode node)
    {
        if (node.Edit == edit)
            return node;
        return node is TreeLeaf leaf ? leaf.CopyFor(edit) : ((TreeBranch)node).CopyFor(edit);
    }
}
