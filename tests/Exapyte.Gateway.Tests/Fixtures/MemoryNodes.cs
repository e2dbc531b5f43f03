using Exapyte.Topology;

namespace Exapyte.Gateway.Tests.Fixtures;

/// <summary>Nodes as a topology shows them.</summary>
internal static class MemoryNodes
{
    public static NodeInfo Of(string id, bool alive) =>
        new()
        {
            Registration = new()
            {
                Node = id,
                StoreId = ulong.MaxValue,
                Region = "eu",
                Zone = "a",
                HttpAddress = alive ? "http://127.0.0.1:8080" : "",
            },
            FirstSeenMs = 1_700_000_000_000,
            RegisteredMs = 1_700_000_001_000,
            Alive = alive,
        };
}
