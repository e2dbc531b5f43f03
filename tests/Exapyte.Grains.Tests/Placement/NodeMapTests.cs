using System.Collections.Immutable;
using System.Net;
using Exapyte.Grains.Placement;
using Xunit;

namespace Exapyte.Grains.Tests.Placement;

public sealed class NodeMapTests
{
    private static readonly GrainId OnN1 = GrainId.Create("shard", "1/2/3@n1");
    private static readonly SiloAddress Older = Silo(1, 10);
    private static readonly SiloAddress Later = Silo(2, 11);

    private readonly Membership membership = new();
    private readonly NodeMap nodes;

    public NodeMapTests() => nodes = new(membership);

    [Fact]
    public void Of_several_active_members_of_one_name_the_highest_generation_is_the_node()
    {
        membership.Set(1, (Older, "n1", SiloStatus.Active), (Later, "n1", SiloStatus.Active));
        Assert.Equal(Later, nodes.AddressOf(OnN1)!.SiloAddress);
        Assert.Equal(2, nodes.ActiveMembersNamed("n1"));
    }

    [Theory]
    [InlineData(SiloStatus.Created)]
    [InlineData(SiloStatus.Joining)]
    [InlineData(SiloStatus.ShuttingDown)]
    [InlineData(SiloStatus.Stopping)]
    [InlineData(SiloStatus.Dead)]
    public void A_member_that_is_not_active_is_no_node(SiloStatus status)
    {
        membership.Set(1, (Older, "n1", SiloStatus.Active), (Later, "n1", status));
        Assert.Equal(Older, nodes.AddressOf(OnN1)!.SiloAddress);
        membership.Set(2, (Later, "n1", status));
        Assert.Null(nodes.AddressOf(OnN1));
        Assert.False(nodes.IsAlive("n1"));
    }

    [Fact]
    public void An_address_carries_the_version_of_the_membership_that_it_was_computed_from()
    {
        membership.Set(7, (Older, "n1", SiloStatus.Active));
        Assert.Equal(new MembershipVersion(7), nodes.AddressOf(OnN1)!.MembershipVersion);
        membership.Set(8, (Older, "n1", SiloStatus.Active));
        Assert.Equal(new MembershipVersion(8), nodes.AddressOf(OnN1)!.MembershipVersion);
    }

    [Theory]
    [InlineData("n1")]
    [InlineData("1/2/3@")]
    [InlineData("1/2/3@n1@n9")]
    public void A_key_that_names_no_known_node_has_no_address(string key)
    {
        membership.Set(1, (Older, "n1", SiloStatus.Active));
        Assert.Null(nodes.AddressOf(GrainId.Create("shard", key)));
        Assert.Null(nodes.AddressOf(GrainId.Create("shard", new string('x', 1_000) + "@n9")));
        Assert.NotNull(nodes.AddressOf(GrainId.Create("shard", new string('x', 1_000) + "@n1")));
    }

    [Fact]
    public async Task An_older_silo_of_the_name_is_told_that_the_grain_belongs_to_its_successor()
    {
        membership.Set(1, (Older, "n1", SiloStatus.Active), (Later, "n1", SiloStatus.Active));
        var directory = new NodeGrainDirectory(nodes);
        Assert.Equal(Later, (await directory.Register(On(Older)))!.SiloAddress);
        var own = On(Later);
        Assert.Same(own, await directory.Register(own));
    }

    private static GrainAddress On(SiloAddress silo) =>
        new()
        {
            GrainId = OnN1,
            SiloAddress = silo,
            ActivationId = ActivationId.NewId(),
        };

    private static SiloAddress Silo(int port, int generation) => SiloAddress.New(IPAddress.Loopback, port, generation);

    private sealed class Membership : IClusterMembershipService
    {
        public ClusterMembershipSnapshot CurrentSnapshot { get; private set; } =
            new(ImmutableDictionary<SiloAddress, ClusterMember>.Empty, MembershipVersion.MinValue);

        public IAsyncEnumerable<ClusterMembershipSnapshot> MembershipUpdates => throw new NotSupportedException();

        public void Set(long version, params (SiloAddress Silo, string Name, SiloStatus Status)[] members) =>
            CurrentSnapshot = new(
                members.ToImmutableDictionary(
                    member => member.Silo,
                    member => new ClusterMember(member.Silo, member.Status, member.Name)
                ),
                new(version)
            );

        public ValueTask Refresh(
            MembershipVersion minimumVersion = default,
            CancellationToken cancellationToken = default
        ) => default;

        public Task<bool> TryKill(SiloAddress siloAddress) => Task.FromResult(false);
    }
}
