using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Client.Retries;

/// <summary>
/// Makes request ids for writes that have none, so that they can be sent again: 96 random bits that this client took at its
/// start, and a number. Thread-safe.
/// </summary>
internal sealed class RequestIds
{
    private const int RandomBytes = 12;

    private readonly string prefix = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(RandomBytes));
    private long last;

    /// <summary>The write with a request id, where its keyspace remembers those; else the operation as it is.</summary>
    public Operation Name(KeyspaceSettings settings, Operation operation) =>
        operation is { IsWrite: true, RequestId: null } && settings.Replication == ReplicationKind.Raft
            ? RequestFingerprint.Name(operation with { RequestId = Next() })
            : operation;

    /// <summary>The same for a batch: all writes of it that have none get the same one, and are told apart by position.</summary>
    public IReadOnlyList<Operation> Name(KeyspaceSettings settings, IReadOnlyList<Operation> operations, bool atomic)
    {
        if (settings.Replication != ReplicationKind.Raft)
        {
            return operations;
        }
        var id = Next();
        Operation[] named =
        [
            .. operations.Select(operation =>
                operation is { IsWrite: true, RequestId: null } ? operation with { RequestId = id } : operation
            ),
        ];
        return RequestFingerprint.Name(named, atomic);
    }

    private string Next() =>
        string.Create(CultureInfo.InvariantCulture, $"{prefix}-{Interlocked.Increment(ref last):x}");
}
