using System.Reflection;

namespace Exapyte.Gateway.Hosting;

/// <summary>The version of the program.</summary>
internal static class ProcessVersion
{
    public static string Text { get; } =
        typeof(ProcessVersion)
            .Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!
            .InformationalVersion;
}
