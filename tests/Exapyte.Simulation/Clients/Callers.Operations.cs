using System.Globalization;
using System.Text;
using Exapyte.Operations;
using Exapyte.Simulation.Clusters;

namespace Exapyte.Simulation.Clients;

/// <summary>What callers ask for.</summary>
internal sealed partial class Callers
{
    private ClientOperation NewRead(int client)
    {
        var key = world.Chance.OneIn(5) ? ExpiringKey() : Key();
        var way = NewWay();
        var get = new Operation
        {
            Kind = OperationKind.Get,
            Key = key,
            Level = way == ReadWay.Eventual ? ConsistencyLevel.Eventual : ConsistencyLevel.Linearizable,
            AtAnyMember = way == ReadWay.Anywhere,
        };
        return new(client, [get], way, atomic: false) { BeganAt = ++moment };
    }

    private ReadWay NewWay() =>
        world.Chance.Below(10) switch
        {
            // After the healing every member has to show that it answers.
            >= 3 when world.IsHealed => ReadWay.Anywhere,
            < 2 => ReadWay.Eventual,
            < 5 => ReadWay.Anywhere,
            < 8 when world.Weather.LeaseUs > 0 => ReadWay.Lease,
            _ => ReadWay.Proven,
        };

    private ClientOperation NewWrite(int client)
    {
        var count = world.Chance.OneIn(6) ? world.Chance.Between(2, 3) : 1;
        var requestId = world.Chance.Percent(50) ? $"q{++lastValue}" : null;
        var operations = new Operation[count];
        for (var i = 0; i < count; i++)
        {
            operations[i] = NewWriteOf(requestId is null ? null : $"{requestId}/{i}");
        }
        return new(client, operations, ReadWay.None, atomic: count > 1 && world.Chance.OneIn(2)) { BeganAt = ++moment };
    }

    private Operation NewWriteOf(string? requestId)
    {
        if (world.Chance.OneIn(10))
        {
            // Entries that expire have keys of their own: they go without anybody's writing.
            return new()
            {
                Kind = OperationKind.Put,
                Key = ExpiringKey(),
                Value = NewValue(),
                TtlMs = world.Chance.Between(1, 4_000),
                Condition = world.Chance.OneIn(3) ? WriteCondition.IfAbsent : null,
                RequestId = requestId,
            };
        }
        var key = Key();
        var isDelete = world.Chance.OneIn(6);
        var write = new Operation
        {
            Kind = isDelete ? OperationKind.Delete : OperationKind.Put,
            Key = key,
            Value = isDelete ? default : NewValue(),
            Condition = NewCondition(key),
            RequestId = requestId,
        };
        return lastValue % 11 == 0 ? NewIncrement(requestId) : write;
    }

    /// <summary>Counters have keys of their own and only rise, so that no two increments may answer the same number.</summary>
    private Operation NewIncrement(string? requestId) =>
        new()
        {
            Kind = OperationKind.Increment,
            Key = Encoding.UTF8.GetBytes($"c{lastValue % 3}"),
            Value = Encoding.UTF8.GetBytes($"{1 + (lastValue % 5)}"),
            RequestId = requestId,
        };

    private WriteCondition? NewCondition(ReadOnlyMemory<byte> key) =>
        world.Chance.Below(8) switch
        {
            0 => WriteCondition.IfAbsent,
            1 => WriteCondition.IfPresent,
            2 or 3 when Seen.LastVersionOf(key) is { } version => WriteCondition.IfVersion(
                new(version.Revision, SimulatedGroup.Life)
            ),
            _ => null,
        };

    private ReadOnlyMemory<byte> ExpiringKey() => Encoding.UTF8.GetBytes($"x{world.Chance.Below(4)}");

    private ReadOnlyMemory<byte> Key() =>
        Encoding.UTF8.GetBytes(
            string.Create(CultureInfo.InvariantCulture, $"k{world.Chance.Below(world.Weather.Keys)}")
        );

    /// <summary>A value that no other write has: its first eight bytes are its number.</summary>
    private ReadOnlyMemory<byte> NewValue()
    {
        var value = new byte[world.Chance.Between(sizeof(ulong), world.Weather.ValueBytesMax)];
        BitConverter.TryWriteBytes(value, ++lastValue);
        return value;
    }
}
