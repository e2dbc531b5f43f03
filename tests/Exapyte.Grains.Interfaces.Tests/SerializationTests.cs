using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Wire;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;

namespace Exapyte.Grains.Interfaces.Tests;

public sealed class SerializationTests
{
    private static readonly ServiceProvider Services = new ServiceCollection()
        .AddSerializer(builder => builder.AddAssembly(typeof(IMapGrain).Assembly))
        .BuildServiceProvider();

    public static TheoryData<Type> WireTypes =>
        [
            .. typeof(IMapGrain)
                .Assembly.GetTypes()
                .Where(type => type.IsDefined(typeof(GenerateSerializerAttribute), inherit: false))
                // Exceptions are the runtime's to carry: they have its members beside their own.
                .Where(type => !type.IsAssignableTo(typeof(Exception))),
        ];

    [Theory]
    [MemberData(nameof(WireTypes))]
    public void Every_member_of_a_wire_type_arrives_as_it_was_sent(Type type)
    {
        var seed = 0;
        var sent = Sample.Of(type, ref seed);
        var serializer = Services.GetRequiredService<Serializer>();

        var arrived = serializer.Deserialize<object>(serializer.SerializeToArray<object>(sent));

        Assert.NotEmpty(Sample.Members(type));
        Sample.AssertEqual(sent, arrived, type.Name);
    }

    [Theory]
    [MemberData(nameof(WireTypes))]
    public void Wire_types_have_a_name_of_their_own_and_are_never_copied(Type type)
    {
        Assert.True(type.IsDefined(typeof(AliasAttribute), inherit: false), $"{type} has no alias.");
        Assert.True(type.IsDefined(typeof(ImmutableAttribute), inherit: false), $"{type} is not immutable.");
        var seed = 0;
        var sent = Sample.Of(type, ref seed);

        var copied = Services.GetRequiredService<DeepCopier>().Copy(sent);

        Assert.True(type.IsValueType || ReferenceEquals(sent, copied), $"{type} is copied.");
    }

    [Fact]
    public void Absent_members_stay_absent()
    {
        var serializer = Services.GetRequiredService<Serializer>();
        var operation = new Operation { Kind = OperationKind.Get, Key = ReadOnlyMemory<byte>.Empty };

        var arrived = serializer.Deserialize<Operation>(serializer.SerializeToArray(operation));

        Assert.NotNull(arrived);
        Assert.Null(arrived.Condition);
        Assert.Null(arrived.RequestId);
        Assert.True(arrived.Value.IsEmpty);
    }

    [Fact]
    public void A_map_that_was_used_before_it_was_sent_routes_the_same_where_it_arrives()
    {
        var serializer = Services.GetRequiredService<Serializer>();
        var map = Maps.Even(16, new() { PartitionDelimiter = "/" });
        byte[] key = [1, (byte)'/', 2];
        var shard = map.ShardIndexOf(key);

        var arrived = serializer.Deserialize<KeyspaceMap>(serializer.SerializeToArray(map));

        Assert.NotNull(arrived);
        Assert.Equal(shard, arrived.ShardIndexOf(key));
    }
}
