using Exapyte.Gateway.Hosting;
using Exapyte.Silo.Settings;

namespace Exapyte.Silo.Hosting;

/// <summary>
/// Tries the three ports before anything starts: a taken one is then a line for the operator, and the silo has not
/// joined a cluster that it must leave again.
/// </summary>
internal static class Ports
{
    /// <summary>Returns the settings with a picked port in place of 0, or every port that cannot be had.</summary>
    public static (SiloSettings Settings, IReadOnlyList<Refusal> Refusals) Claim(SiloSettings settings)
    {
        List<Refusal> refusals = [];
        ListenPort.Try(SiloSetting.SiloPort, settings.Advertise, settings.SiloPort, refusals);
        ListenPort.Try(SiloSetting.GatewayPort, settings.Advertise, settings.GatewayPort, refusals);
        int httpPort = ListenPort.Try(Setting.Http, settings.Http.Address, settings.Http.Port, refusals);
        return (settings with { Http = settings.Http with { Port = httpPort } }, refusals);
    }
}
