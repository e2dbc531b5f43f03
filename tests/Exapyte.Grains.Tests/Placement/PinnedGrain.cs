using Exapyte.Grains.Placement;
using Orleans.Concurrency;
using Orleans.GrainDirectory;

namespace Exapyte.Grains.Tests.Placement;

/// <summary>Tells where it is and since when.</summary>
[Alias("exapyte.tests.pinned")]
public interface IPinnedGrain : IGrainWithStringKey
{
    [Alias("where")]
    ValueTask<Whereabouts> Where();

    [Alias("call")]
    ValueTask<Whereabouts> Call(string other);
}

[GenerateSerializer, Immutable, Alias("exapyte.tests.whereabouts")]
public sealed record Whereabouts(
    [property: Id(0)] string Silo,
    [property: Id(1)] int Generation,
    [property: Id(2)] Guid Activation
);

[OnNode, GrainDirectory(NodeGrainDirectory.Name), Reentrant, KeepAlive]
internal sealed class PinnedGrain(ILocalSiloDetails silo) : Grain, IPinnedGrain
{
    private readonly Guid activation = Guid.NewGuid();

    public ValueTask<Whereabouts> Where() => new(new Whereabouts(silo.Name, silo.SiloAddress.Generation, activation));

    public ValueTask<Whereabouts> Call(string other) => GrainFactory.GetGrain<IPinnedGrain>(other).Where();
}
