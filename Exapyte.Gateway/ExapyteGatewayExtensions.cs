using Exapyte.Client;
using Exapyte.Gateway;

namespace Microsoft.AspNetCore.Builder;

/// <summary>
/// Maps the REST gateway into an application. It needs an <see cref="IExapyteClient"/> among the services; its own
/// settings are <see cref="ExapyteGatewayOptions"/>.
/// </summary>
public static class ExapyteGatewayExtensions
{
    // An application may have a root, a /docs or a /livez of its own: those win.
    private const int BehindTheApplications = 1;

    private static readonly string[] Patterns = ["/", "/livez", "/readyz", "/openapi/v1.json", "/docs", "/v1/{**rest}"];

    /// <summary>
    /// Maps the gateway's paths beside the application's other endpoints; also inside a group with a literal prefix. The
    /// application's routing sees the decoded path, so a target that resolves out of <c>/v1</c> never gets here. A group's
    /// prefix is seen only when routing is built, with the first request: one with parameters fails then.
    /// </summary>
    /// <param name="endpoints">The application.</param>
    /// <returns>A builder of conventions for all of the gateway's endpoints.</returns>
    /// <exception cref="InvalidOperationException">No client is registered.</exception>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">The options are not acceptable.</exception>
    public static IEndpointConventionBuilder MapExapyte(this IEndpointRouteBuilder endpoints)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        var handler = CreateHandler(endpoints.ServiceProvider);
        var all = endpoints.MapGroup("");
        foreach (var pattern in Patterns)
        {
            all.Map(pattern, context => handler.HandleAsync(context, ""))
                .Add(builder =>
                {
                    var endpoint = (RouteEndpointBuilder)builder;
                    endpoint.Order = BehindTheApplications;
                    UsePrefix(endpoint, handler, pattern);
                });
        }
        return all.WithDisplayName("Exapyte gateway").ExcludeFromDescription();
    }

    /// <summary>
    /// Makes the gateway the application's last word: every request that gets here is the gateway's, whatever its target.
    /// For processes that serve nothing else; it spares each request the application's routing.
    /// </summary>
    /// <exception cref="InvalidOperationException">No client is registered.</exception>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">The options are not acceptable.</exception>
    public static void RunExapyte(this IApplicationBuilder app)
    {
        ArgumentNullException.ThrowIfNull(app);
        var handler = CreateHandler(app.ApplicationServices);
        app.Run(context => handler.HandleAsync(context, ""));
    }

    /// <summary>
    /// The same, with something beside it that is served under a path of its own, such as metrics. Where keys are asked for
    /// it takes one too, whatever that may do; on loopback it is open.
    /// </summary>
    /// <param name="app">The application.</param>
    /// <param name="path">The path, decoded, and all below it.</param>
    /// <param name="serve">Adds what serves it; what that passes on is the gateway's.</param>
    public static void RunExapyte(this IApplicationBuilder app, PathString path, Action<IApplicationBuilder> serve)
    {
        ArgumentNullException.ThrowIfNull(app);
        ArgumentNullException.ThrowIfNull(serve);
        var handler = CreateHandler(app.ApplicationServices);
        app.MapWhen(
            context => context.Request.Path.StartsWithSegments(path, StringComparison.OrdinalIgnoreCase),
            beside =>
            {
                beside.Use((context, next) => handler.GuardAsync(context, path.Value!, next));
                serve(beside);
                beside.Run(context => handler.HandleAsync(context, ""));
            }
        );
        app.Run(context => handler.HandleAsync(context, ""));
    }

    private static GatewayHandler CreateHandler(IServiceProvider services) =>
        services.GetService<IExapyteClient>() is not null
            ? ActivatorUtilities.CreateInstance<GatewayHandler>(services)
            : throw new InvalidOperationException(
                "The gateway needs an IExapyteClient: call AddExapyteClient() on the services, or host a silo that brings one."
            );

    /// <summary>A group's prefix is known only here, and stands in every raw target.</summary>
    private static void UsePrefix(RouteEndpointBuilder builder, GatewayHandler handler, string pattern)
    {
        if (builder.RoutePattern.PathSegments.Count == 0)
        {
            return;
        }
        var whole = "/" + builder.RoutePattern.RawText?.Trim('/');
        var prefix = whole[..^Math.Min(whole.Length, pattern.TrimEnd('/').Length)].TrimEnd('/');
        if (prefix.Contains('{'))
        {
            throw new InvalidOperationException(
                $"The gateway cannot be mapped under the pattern '{prefix}': use literals."
            );
        }
        if (prefix.Length > 0)
        {
            builder.RequestDelegate = context => handler.HandleAsync(context, prefix);
        }
    }
}
