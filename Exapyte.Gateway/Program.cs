using Exapyte.Gateway.Hosting;

const string name = "exapyte-gateway";
var command = new SettingsCommand(
    "Exapyte: the REST gateway of a distributed data service, in a process of its own beside the nodes of a cluster.",
    GatewaySetting.All
);
if (command.TryAnswer(args, Console.Out))
{
    return (int)ExitCode.Stopped;
}
return await ProcessStart.RunAsync(
    name,
    command.Parse(args),
    [.. GatewaySetting.All, .. GatewaySetting.Secrets],
    Console.Out,
    Console.Error,
    configuration =>
    {
        var settings = GatewaySettings.Read(configuration, out var reasons);
        return new(reasons, settings is null ? null : new GatewayHost(settings, configuration, Console.Out).RunAsync);
    }
);
