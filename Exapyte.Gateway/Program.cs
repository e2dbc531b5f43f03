using Exapyte.Client;
using Exapyte.Gateway;

const string insecureSwitch = "--insecure";
var builder = WebApplication.CreateSlimBuilder([.. args.Where(arg => arg != insecureSwitch)]);
if (!builder.Services.Any(service => service.ServiceType == typeof(IExapyteClient)))
{
    await Console.Error.WriteLineAsync(
        "exapyte-gateway: no cluster to serve. No IExapyteClient is registered: the connection to a cluster "
            + "(AddExapyteClient, with gateway addresses or the cluster database) must be configured before the gateway starts."
    );
    return 1;
}
builder.WebHost.ConfigureKestrel(kestrel =>
{
    kestrel.LimitForExapyte();
    if (!args.Contains(insecureSwitch))
    {
        kestrel.ListenOnLoopbackOnly();
    }
});
builder.Services.Configure<ExapyteGatewayOptions>(builder.Configuration.GetSection("Gateway"));
var app = builder.Build();
app.RunExapyte();
await app.RunAsync();
return 0;
