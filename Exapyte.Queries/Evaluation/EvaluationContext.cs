using System.Text.Unicode;
using Exapyte.Queries.Documents;
using Exapyte.Queries.Syntax;
using Exapyte.Queries.Values;

namespace Exapyte.Queries.Evaluation;

/// <summary>The entry that expressions are evaluated over. Used again for one entry after another, by one thread at a time.</summary>
public sealed class EvaluationContext
{
    private readonly DocumentWalk walk;
    private EntryView entry;
    private bool isWalked;

    internal EvaluationContext(PathTree tree) => walk = new(tree);

    /// <summary>The entry.</summary>
    public EntryView Entry => entry;

    /// <summary>Takes the next entry; values of the one before are no longer valid where its buffers are used again.</summary>
    public void MoveTo(in EntryView next)
    {
        entry = next;
        isWalked = false;
    }

    internal Value ValueAt(int slot)
    {
        Walk();
        return walk.ValueAt(slot);
    }

    internal bool Has(int slot)
    {
        Walk();
        return walk.Has(slot);
    }

    internal Value Key() => Utf8.IsValid(entry.Key.Span) ? Value.OfUtf8(entry.Key) : Value.Unknown;

    internal Value Meta(MetaField field) =>
        field switch
        {
            MetaField.Version => Value.Of(entry.Version),
            MetaField.ContentType => string.IsNullOrEmpty(entry.ContentType)
                ? Value.Unknown
                : Value.Of(entry.ContentType),
            MetaField.Modified => Value.Of(entry.ModifiedMs),
            MetaField.Expires => entry.ExpiresMs == 0 ? Value.Unknown : Value.Of(entry.ExpiresMs),
            MetaField.Bytes => Value.Of((long)entry.Value.Length),
            _ => throw new ArgumentOutOfRangeException(nameof(field), field, "This field is not known."),
        };

    private void Walk()
    {
        if (!isWalked)
        {
            walk.Run(entry.Value);
            isWalked = true;
        }
    }
}
