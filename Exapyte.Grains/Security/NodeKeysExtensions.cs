using Exapyte.Security;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Exapyte.Grains.Security;

/// <summary>Sets up the keys of a node.</summary>
internal static class NodeKeysExtensions
{
    /// <summary>Adds what keeps the node's keys; <see cref="NodeKeyOptions.Enabled"/> turns it on.</summary>
    public static void AddNodeKeys(this IServiceCollection services)
    {
        services.AddOptions<NodeKeyOptions>();
        services.TryAddSingleton<KnownKeys>();
        services.AddSingleton<NodeKeys>();
        services.AddSingleton<RootKey>();
        services.AddSingleton<KeySync>();
        services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(static provider =>
            provider.GetRequiredService<KeySync>()
        );
    }
}
