using System.Diagnostics;
using System.Globalization;
using Exapyte.Gateway.Hosting;
using Exapyte.Silo.Settings;

namespace Exapyte.Silo.Hosting;

/// <summary>What a person reads when the node is ready: who it is, where its data lies, what to try.</summary>
internal static class Banner
{
    public static void Write(TextWriter output, SiloSettings settings)
    {
        string http = settings.Http.ToUri().GetLeftPart(UriPartial.Authority);
        string cluster = settings.Cluster?.DisplayName ?? "none, a single embedded node";
        string key = settings.Security.AsksForKeys ? " -H \"Authorization: Bearer $KEY\"" : "";
        output.WriteLine(
            $"""
            Exapyte {ProcessVersion.Text}
              node     {settings.NodeId}, region {settings.Region}, zone {settings.Zone}
              data     {settings.DataFolder}
              cluster  {cluster}
              silo     {settings.Advertise}:{settings.SiloPort}, .NET clients {settings.Advertise}:{settings.GatewayPort}
              http     {http}
            Ready {SecondsSinceStart()} s after the process began. Try:
              curl -X PUT {http}/v1/keyspaces/demo -H 'Content-Type: application/json' -d '{"{}"}'{key}
              curl -X PUT {http}/v1/keyspaces/demo/entries/greeting -H 'Content-Type: text/plain' -d 'hello'{key}
              curl -i {http}/v1/keyspaces/demo/entries/greeting{key}
            """
        );
        output.Flush();
    }

    private static string SecondsSinceStart()
    {
        using Process process = Process.GetCurrentProcess();
        TimeSpan age = TimeProvider.System.GetUtcNow().UtcDateTime - process.StartTime.ToUniversalTime();
        return age.TotalSeconds.ToString("F1", CultureInfo.InvariantCulture);
    }
}
