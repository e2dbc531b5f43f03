using System.Text.Json;
using System.Text.Unicode;
using Exapyte.Gateway.Entries;
using Exapyte.Gateway.Http;
using Exapyte.Operations;

namespace Exapyte.Gateway.Imports;

/// <summary>
/// Reads one line as a listing writes it: <c>{key | key64, value | value64 | json, contentType, expires | ttl}</c>.
/// <c>version</c>, <c>modified</c> and <c>bytes</c>, which a listing has too, say nothing about a new entry and are passed
/// over; so is the last line of a listing, <c>{"cursor":..}</c>.
/// </summary>
internal sealed class ImportLine(ExapyteGatewayOptions limits, ConsistencyRequest level, long nowMs)
    : EntryMembers(limits)
{
    private const string Members =
        "key or key64, value, value64 or json, contentType, expires or ttl, version, modified and bytes";

    // The line's own object is one level above those that a listing gives as JSON. Whatever JSON a value holds is kept as
    // it is, also with a name twice.
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = JsonBody.LevelsMax + 1 };

    private readonly HashSet<string> members = new(StringComparer.Ordinal);

    /// <summary>What is wrong with the line; null where nothing is.</summary>
    public string? Fault { get; private set; }

    /// <summary>The entry's time had come before it was read: nothing is to be written.</summary>
    public bool HasExpired => ExpiresAtMs <= nowMs;

    /// <summary>The put; null where there is a <see cref="Fault"/>, it has expired, or the line ends a listing.</summary>
    public Operation? Read(ReadOnlyMemory<byte> line)
    {
        if (!Utf8.IsValid(line.Span))
        {
            Fault = "is not UTF-8.";
            return null;
        }
        try
        {
            using var document = JsonDocument.Parse(line, Options);
            return Read(document.RootElement);
        }
        catch (JsonException exception)
        {
            Fault = $"is not JSON (byte {exception.BytePositionInLine}).";
        }
        catch (InvalidOperationException)
        {
            // The one thing that JSON may hold and text may not.
            Fault = "holds a \\u escape of half a character.";
        }
        return null;
    }

    private Operation? Read(JsonElement line)
    {
        if (line.ValueKind != JsonValueKind.Object)
        {
            Fault = "must be an object such as {\"key\":\"a\",\"value\":\"x\"}.";
            return null;
        }
        if (line.TryGetProperty("cursor"u8, out _))
        {
            Fault = line.TryGetProperty("problem"u8, out _)
                ? "says that the listing broke off here. List the rest from its cursor, and import that."
                : null;
            return null;
        }
        foreach (var member in line.EnumerateObject())
        {
            if (!members.Add(member.Name))
            {
                Add($"has '{member.Name}' twice.");
            }
            ReadMember(member.Name, member.Value);
        }
        Judge();
        return Fault is not null || HasExpired
            ? null
            : new()
            {
                Kind = OperationKind.Put,
                Key = Key,
                Value = Value,
                ContentType = ContentTypeOrDefault,
                TtlMs = TtlMs ?? (ExpiresAtMs is null ? Operation.NeverExpires : 0),
                ExpiresAtMs = ExpiresAtMs ?? 0,
                Level = level.Level,
                MaxStalenessMs = level.MaxStalenessMs,
            };
    }

    private void ReadMember(string name, JsonElement element)
    {
        switch (name)
        {
            case "version" or "modified" or "bytes":
                break;
            default:
                if (!TryReadMember(name, element))
                {
                    Add($"has '{name}', which is not known; a line has {Members}.");
                }
                break;
        }
    }

    private void Judge()
    {
        JudgeEntry();
        if (Value is null)
        {
            Add("needs value, value64 or json; a listing with keysOnly leaves them out.");
        }
    }

    /// <summary>The first thing that is wrong is told: a line is short, and the next run tells the next.</summary>
    protected override void Add(string fault) => Fault ??= fault;
}
