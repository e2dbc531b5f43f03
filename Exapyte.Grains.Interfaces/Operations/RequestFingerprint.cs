using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace Exapyte.Operations;

/// <summary>
/// Tells one request from another (XXH3, 128 bits): form, number and order of its operations, their keys, values, media
/// types, lifetimes and conditions. How strongly a read is asked for does not count.
/// </summary>
[GenerateSerializer, Immutable, Alias("exapyte.request-fingerprint")]
public readonly record struct RequestFingerprint
{
    /// <summary>The <see cref="Operation.Position"/> of an operation that is a request of its own.</summary>
    public const int Alone = -1;

    private const byte Format = 1;

    /// <summary>Creates a fingerprint.</summary>
    public RequestFingerprint(ulong high, ulong low)
    {
        High = high;
        Low = low;
    }

    /// <summary>The upper half.</summary>
    [Id(0)]
    public ulong High { get; init; }

    /// <summary>The lower half.</summary>
    [Id(1)]
    public ulong Low { get; init; }

    /// <summary>Whether there is none.</summary>
    public bool IsNone => High == 0 && Low == 0;

    /// <summary>An operation that is a request of its own; with its fingerprint where it has a request id.</summary>
    public static Operation Name(Operation operation) =>
        operation.RequestId is null
            ? operation
            : operation with
            {
                Fingerprint = Of([operation], RequestForm.Alone),
                Position = Alone,
            };

    /// <summary>The operations of a batch; those with a request id with the fingerprint of all and their position.</summary>
    public static IReadOnlyList<Operation> Name(IReadOnlyList<Operation> operations, bool atomic)
    {
        if (!operations.Any(operation => operation.RequestId is not null))
        {
            return operations;
        }
        var fingerprint = Of(operations, atomic ? RequestForm.AtomicBatch : RequestForm.Batch);
        return
        [
            .. operations.Select(
                (operation, at) =>
                    operation.RequestId is null
                        ? operation
                        : operation with
                        {
                            Fingerprint = fingerprint,
                            Position = at,
                        }
            ),
        ];
    }

    private enum RequestForm : byte
    {
        Alone,
        Batch,
        AtomicBatch,
    }

    private static RequestFingerprint Of(IReadOnlyList<Operation> operations, RequestForm form)
    {
        var hash = new XxHash128();
        hash.Append([Format, (byte)form]);
        Append(hash, operations.Count);
        foreach (var operation in operations)
        {
            hash.Append([(byte)operation.Kind, (byte)(operation.Condition?.Kind ?? ConditionKind.None)]);
            Append(hash, operation.Key.Span);
            Append(hash, operation.Value.Span);
            Append(hash, MemoryMarshal.AsBytes(operation.ContentType.AsSpan()));
            // No lifetime is below -1: a moment takes what lies there.
            Append(hash, operation.ExpiresAtMs == 0 ? operation.TtlMs : -1 - operation.ExpiresAtMs);
            Append(hash, operation.Condition?.Versions.Length ?? 0);
            foreach (var version in operation.Condition?.Versions ?? [])
            {
                Append(hash, (long)version.Revision);
                Append(hash, (long)version.Origin);
            }
        }
        var value = hash.GetCurrentHashAsUInt128();
        return new((ulong)(value >> 64), (ulong)value);
    }

    private static void Append(XxHash128 hash, ReadOnlySpan<byte> bytes)
    {
        Append(hash, bytes.Length);
        hash.Append(bytes);
    }

    private static void Append(XxHash128 hash, long value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        hash.Append(bytes);
    }
}
