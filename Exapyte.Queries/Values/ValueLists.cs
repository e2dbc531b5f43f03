using System.Text.Json;

namespace Exapyte.Queries.Values;

/// <summary>Looks into lists and objects, whichever way they are held.</summary>
internal static class ValueLists
{
    /// <summary>The elements of a list, read one after the other.</summary>
    public static ListElements Elements(in Value list) => new(list);

    /// <summary>The elements of a list, all at once.</summary>
    public static Value[] ItemsOf(in Value list)
    {
        if (list.Items is { } items)
        {
            return items;
        }
        List<Value> read = [];
        foreach (var element in Elements(list))
        {
            read.Add(element);
        }
        return [.. read];
    }

    /// <summary>The members of an object; of several with one name the last.</summary>
    public static Dictionary<string, Value> MembersOf(in Value value)
    {
        Dictionary<string, Value> members = new(StringComparer.Ordinal);
        var reader = JsonValues.ReaderOver(value.Bytes.Span);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = NameOf(ref reader);
            reader.Read();
            var member = JsonValues.ReadFrom(ref reader, value.Bytes);
            if (name is not null)
            {
                members[name] = member;
            }
        }
        return members;
    }

    /// <summary>The element at a place counted from 0; unknown outside of the list.</summary>
    public static Value ElementAt(in Value list, long index)
    {
        if (list.Items is { } items)
        {
            return index >= 0 && index < items.Length ? items[index] : Value.Unknown;
        }
        foreach (var element in Elements(list))
        {
            if (index-- == 0)
            {
                return element;
            }
        }
        return Value.Unknown;
    }

    /// <summary>The member of a name; of several the last; unknown where there is none. Says whether there is one.</summary>
    public static bool TryGetMember(in Value value, ReadOnlySpan<byte> name, out Value member)
    {
        member = Value.Unknown;
        var found = false;
        var reader = JsonValues.ReaderOver(value.Bytes.Span);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isIt = reader.ValueTextEquals(name);
            reader.Read();
            if (isIt)
            {
                member = JsonValues.ReadFrom(ref reader, value.Bytes);
                found = true;
            }
            else
            {
                reader.Skip();
            }
        }
        return found;
    }

    /// <summary>How many elements or distinct members there are.</summary>
    public static int CountOf(in Value value)
    {
        if (value.Kind == ValueKind.Object)
        {
            return MembersOf(value).Count;
        }
        if (value.Items is { } items)
        {
            return items.Length;
        }
        var count = 0;
        foreach (var _ in Elements(value))
        {
            count++;
        }
        return count;
    }

    /// <summary>A member's name; null where it is no Unicode text, which no expression can name.</summary>
    private static string? NameOf(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }
}

/// <summary>Walks through the elements of a list, whichever way it is held.</summary>
internal ref struct ListElements
{
    private readonly Value list;
    private Utf8JsonReader reader;
    private int next;

    public ListElements(in Value list)
    {
        this.list = list;
        if (list.Items is null)
        {
            reader = JsonValues.ReaderOver(list.Bytes.Span);
            reader.Read();
        }
    }

    /// <summary>The element walked to.</summary>
    public Value Current { get; private set; }

    /// <summary>Itself, for foreach.</summary>
    public readonly ListElements GetEnumerator() => this;

    /// <summary>Walks on; false at the end.</summary>
    public bool MoveNext()
    {
        if (list.Items is { } items)
        {
            if (next >= items.Length)
            {
                return false;
            }
            Current = items[next++];
            return true;
        }
        if (!reader.Read() || reader.TokenType == JsonTokenType.EndArray)
        {
            return false;
        }
        Current = JsonValues.ReadFrom(ref reader, list.Bytes);
        return true;
    }
}
