using Exapyte.Hosting;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.Hosting;

/// <summary>Makes an application a durable node of Exapyte.</summary>
public static class ExapyteHostExtensions
{
    /// <summary>
    /// Hosts a node in this application, with a silo of its own: durable once it is started, and there again after a restart
    /// on its data folder. An application that configures its silo itself calls
    /// <see cref="ExapyteSiloExtensions.AddExapyte(ISiloBuilder, Action{ExapyteOptions})"/> within <c>UseOrleans</c> instead.
    /// </summary>
    /// <param name="builder">The application.</param>
    /// <param name="configure">Who the node is; called at once.</param>
    /// <exception cref="OptionsValidationException">The options are not acceptable; every reason is told.</exception>
    public static IHostApplicationBuilder AddExapyte(
        this IHostApplicationBuilder builder,
        Action<ExapyteOptions> configure
    )
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.UseOrleans(silo => silo.AddExapyte(configure));
    }
}
