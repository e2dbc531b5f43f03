namespace Exapyte.Storage.Stores.Memory;

/// <summary>Walks a tree that never changes, up or down from a key.</summary>
internal sealed class TreeCursor
{
    const int DepthMax = 16;

    readonly TreeBranch[] _branches = new TreeBranch[DepthMax];
    readonly int[] _children = new int[DepthMax];
    int _depth;
    TreeLeaf? _leaf;
    int _at;

    /// <summary>The entry that the last move found.</summary>
    public MemoryEntry Current => _leaf!.Entries[_at];

    /// <summary>Stands before the first entry whose key is not less than <paramref name="key"/>.</summary>
    public void SeekBefore(TreeNode? root, ReadOnlySpan<byte> key)
    {
        Descend(root, key);
        _at = (_leaf?.Find(key, out _) ?? 0) - 1;
    }

    /// <summary>Stands behind the last entry whose key is less than <paramref name="key"/>.</summary>
    public void SeekBehind(TreeNode? root, ReadOnlySpan<byte> key)
    {
        Descend(root, key);
        _at = _leaf?.Find(key, out _) ?? 0;
    }

    /// <summary>Stands behind the last entry of all.</summary>
    public void SeekEnd(TreeNode? root)
    {
        _depth = 0;
        DescendToEdge(root, last: true);
        _at = _leaf?.Count ?? 0;
    }

    public bool MoveNext()
    {
        if (_leaf is null)
            return false;
        if (++_at < _leaf.Count)
            return true;
        return MoveLeaf(1);
    }

    public bool MovePrevious()
    {
        if (_leaf is null)
            return false;
        if (--_at >= 0)
            return true;
        return MoveLeaf(-1);
    }

    void Descend(TreeNode? root, ReadOnlySpan<byte> key)
    {
        _depth = 0;
        TreeNode? node = root;
        while (node is TreeBranch branch)
            node = Enter(branch, branch.ChildFor(key));
        _leaf = (TreeLeaf?)node;
    }

    void DescendToEdge(TreeNode? from, bool last)
    {
        TreeNode? node = from;
        while (node is TreeBranch branch)
            node = Enter(branch, last ? branch.Count - 1 : 0);
        _leaf = (TreeLeaf?)node;
    }

    TreeNode Enter(TreeBranch branch, int child)
    {
        _branches[_depth] = branch;
        _children[_depth++] = child;
        return branch.Children[child];
    }

    /// <summary>Goes to the neighbouring leaf. No leaf is empty, except that of an empty tree.</summary>
    bool MoveLeaf(int step)
    {
        while (_depth > 0)
        {
            TreeBranch branch = _branches[--_depth];
            int child = _children[_depth] + step;
            if (child < 0 || child >= branch.Count)
                continue;
            DescendToEdge(Enter(branch, child), last: step < 0);
            _at = step < 0 ? _leaf!.Count - 1 : 0;
            return true;
        }
        _leaf = null;
        return false;
    }
}
