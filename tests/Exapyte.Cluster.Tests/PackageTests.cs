using System.Xml.Linq;
using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests;

/// <summary>
/// What is packed can be used: from a folder of its own, which knows nothing of this repository, by the packages alone.
/// </summary>
public sealed class PackageTests
{
    static readonly TimeSpan s_deadline = TimeSpan.FromMinutes(10);

    static readonly string[] s_packed =
    [
        "Exapyte.Raft",
        "Exapyte.Storage",
        "Exapyte.Queries",
        "Exapyte.Grains.Interfaces",
        "Exapyte.Grains",
        "Exapyte.Client",
        "Exapyte.Gateway",
        "Exapyte.Hosting",
        "Exapyte.Providers",
        "Exapyte.Silo",
    ];

    [Fact]
    public async Task The_examples_build_and_run_against_the_packages_and_the_tool_is_a_node()
    {
        using var folder = new TemporaryFolder("packages");
        var root = RepositoryRoot();
        foreach (var project in s_packed)
        {
            string[] pack =
            [
                "pack",
                Path.Combine(root, project),
                "-c",
                Configuration,
                "--no-build",
                "-o",
                folder.File("feed"),
            ];
            await DotnetAsync(folder, pack);
        }
        WriteFeed(folder);

        var embedded = await BuildAsync(folder, root, "Embedded", "Microsoft.NET.Sdk.Web", "Exapyte.Hosting");
        var client = await BuildAsync(folder, root, "Client", "Microsoft.NET.Sdk", "Exapyte.Client");
        string[] install =
        [
            "tool",
            "install",
            "Exapyte.Silo",
            "--tool-path",
            folder.File("tools"),
            "--version",
            "0.1.0",
        ];
        await DotnetAsync(folder, install);

        var (http, gateway) = (FreePorts.Next(), FreePorts.Next());
        string[] settings =
        [
            embedded,
            $"--urls=http://127.0.0.1:{http}",
            $"--Exapyte:DataFolder={folder.File("embedded")}",
            $"--Exapyte:SiloPort={FreePorts.Next()}",
            $"--Exapyte:GatewayPort={gateway}",
        ];
        await using (var node = new ChildProcess("dotnet", settings, folder.Path))
        {
            await IsReadyAsync(node, http);
            Assert.Contains("Somebody was faster", await DotnetAsync(folder, [client, $"127.0.0.1:{gateway}"]));
        }
        await using var tool = new ChildProcess(
            folder.File("tools/exapyte"),
            ArgumentsOfTool(folder, http, gateway),
            folder.Path
        );
        await IsReadyAsync(tool, http);
        Assert.Contains("Somebody was faster", await DotnetAsync(folder, [client, $"127.0.0.1:{gateway}"]));
    }

    static string Configuration { get; } =
        Path.GetFileName(AppContext.BaseDirectory.TrimEnd('/')) switch
        {
            "debug" => "Debug",
            _ => "Release",
        };

    static string[] ArgumentsOfTool(TemporaryFolder folder, int http, int gateway) =>
        [
            "--data",
            folder.File("tool"),
            "--http",
            $"http://127.0.0.1:{http}",
            "--silo-port",
            $"{FreePorts.Next()}",
            "--gateway-port",
            $"{gateway}",
        ];

    /// <summary>A project with the example's program and one package; returns the built program.</summary>
    static async Task<string> BuildAsync(TemporaryFolder folder, string root, string sample, string sdk, string package)
    {
        var at = Directory.CreateDirectory(folder.File(sample)).FullName;
        File.Copy(Path.Combine(root, "samples", sample, "Program.cs"), Path.Combine(at, "Program.cs"));
        var project = new XElement(
            "Project",
            new XAttribute("Sdk", sdk),
            new XElement(
                "PropertyGroup",
                new XElement("OutputType", "Exe"),
                new XElement("TargetFramework", "net10.0"),
                new XElement("Nullable", "enable"),
                new XElement("ImplicitUsings", "enable")
            ),
            new XElement(
                "ItemGroup",
                new XElement("PackageReference", new XAttribute("Include", package), new XAttribute("Version", "0.1.0"))
            )
        );
        await File.WriteAllTextAsync(Path.Combine(at, $"{sample}.csproj"), project.ToString());
        await DotnetAsync(folder, ["build", at, "-c", "Release", "-o", Path.Combine(at, "out")]);
        return Path.Combine(at, "out", $"{sample}.dll");
    }

    /// <summary>The packages made here, and nuget.org for all others; each made anew, whatever was there under its version.</summary>
    static void WriteFeed(TemporaryFolder folder) =>
        File.WriteAllText(
            folder.File("NuGet.config"),
            """
            <configuration>
              <config><add key="globalPackagesFolder" value="packages" /></config>
              <packageSources><clear /><add key="here" value="feed" /><add key="nuget.org" value="https://api.nuget.org/v3/index.json" /></packageSources>
              <packageSourceMapping>
                <packageSource key="here"><package pattern="Exapyte.*" /></packageSource>
                <packageSource key="nuget.org"><package pattern="*" /></packageSource>
              </packageSourceMapping>
              <fallbackPackageFolders><add key="shared" value="%HOME%/.nuget/packages" /></fallbackPackageFolders>
            </configuration>
            """
        );

    static Task<string> DotnetAsync(TemporaryFolder folder, string[] arguments) =>
        ChildProcess.RunAsync("env", ["-C", folder.Path, "dotnet", .. arguments], s_deadline);

    static async Task IsReadyAsync(ChildProcess node, int http)
    {
        using var client = new HttpClient();
        await Poll.UntilAsync(
            "it is ready",
            SiloProcess.ReadyDeadline,
            async () =>
            {
                Assert.False(node.HasExited, node.Output);
                try
                {
                    using var answer = await client.GetAsync(new Uri($"http://127.0.0.1:{http}/readyz"));
                    return answer.IsSuccessStatusCode;
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            },
            () => node.Output
        );
    }

    static string RepositoryRoot()
    {
        var at = new DirectoryInfo(AppContext.BaseDirectory);
        while (at is not null && !File.Exists(Path.Combine(at.FullName, "Exapyte.sln")))
            at = at.Parent;
        return at?.FullName ?? throw new InvalidOperationException("No repository above the tests.");
    }
}
