using System.Text.Json;
using Exapyte.Queries.Values;

namespace Exapyte.Queries.Documents;

/// <summary>
/// One walk through a JSON text that notes where the paths of a <see cref="PathTree"/> lie in it. Nothing is copied and no
/// document is built. The whole text is read, since only then it is known to be JSON, and of members with one name the
/// last counts. Not thread-safe; used again for each entry.
/// </summary>
internal sealed class DocumentWalk(PathTree tree)
{
    private static readonly JsonReaderOptions Options = new() { MaxDepth = QueryLimits.DocumentLevelsMax };

    private readonly Place[] places = new Place[tree.Slots];
    private ReadOnlyMemory<byte> json;

    /// <summary>Walks through a text. Where it is no JSON, every path is missing.</summary>
    public void Run(ReadOnlyMemory<byte> text)
    {
        json = text;
        Array.Clear(places);
        if (tree.Slots == 0)
        {
            return;
        }
        var reader = new Utf8JsonReader(text.Span, Options);
        try
        {
            reader.Read();
            Visit(ref reader, tree.Root);
            // What follows the value would be no JSON: reading on says so.
            reader.Read();
        }
        catch (JsonException)
        {
            Array.Clear(places);
        }
    }

    /// <summary>Whether the path is there.</summary>
    public bool Has(int slot) => places[slot].Length > 0;

    /// <summary>The value at the path; unknown where it is missing.</summary>
    public Value ValueAt(int slot)
    {
        var place = places[slot];
        return place.Length == 0 ? Value.Unknown : JsonValues.Of(place.Token, json.Slice(place.Start, place.Length));
    }

    private void Visit(ref Utf8JsonReader reader, PathNode node)
    {
        var start = (int)reader.TokenStartIndex;
        var token = reader.TokenType;
        if (token == JsonTokenType.StartObject && node.Members.Count > 0)
        {
            VisitMembers(ref reader, node);
        }
        else if (token == JsonTokenType.StartArray && node.Elements.Count > 0)
        {
            VisitElements(ref reader, node);
        }
        else
        {
            reader.Skip();
        }
        if (node.Slot >= 0)
        {
            places[node.Slot] = new(start, (int)reader.BytesConsumed - start, token);
        }
    }

    private void VisitMembers(ref Utf8JsonReader reader, PathNode node)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var member = Find(ref reader, node);
            reader.Read();
            if (member is null)
            {
                reader.Skip();
                continue;
            }
            // A second member of the name replaces all of the first, also what only that one had below it.
            Forget(member);
            Visit(ref reader, member);
        }
    }

    private void VisitElements(ref Utf8JsonReader reader, PathNode node)
    {
        for (long at = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; at++)
        {
            PathNode? element = null;
            foreach (var candidate in node.Elements)
            {
                if (candidate.Index == at)
                {
                    element = candidate;
                    break;
                }
            }
            if (element is null)
            {
                reader.Skip();
            }
            else
            {
                Visit(ref reader, element);
            }
        }
    }

    private static PathNode? Find(ref Utf8JsonReader reader, PathNode node)
    {
        foreach (var member in node.Members)
        {
            if (reader.ValueTextEquals(member.Name))
            {
                return member;
            }
        }
        return null;
    }

    private void Forget(PathNode node)
    {
        if (node.Slot >= 0)
        {
            places[node.Slot] = default;
        }
        foreach (var member in node.Members)
        {
            Forget(member);
        }
        foreach (var element in node.Elements)
        {
            Forget(element);
        }
    }

    private readonly record struct Place(int Start, int Length, JsonTokenType Token);
}
