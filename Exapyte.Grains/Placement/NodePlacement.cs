using Orleans.Placement;

namespace Exapyte.Grains.Placement;

/// <summary>
/// Pins a grain to the node behind the <c>@</c> of its key. Goes together with
/// <c>[GrainDirectory(NodeGrainDirectory.Name)]</c>, which computes the same address.
/// </summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class OnNodeAttribute() : PlacementAttribute(new NodePlacement());

/// <summary>The strategy of <see cref="OnNodeAttribute"/>: the key alone says where.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.node-placement")]
public sealed class NodePlacement : PlacementStrategy;
