using Exapyte.Testing.Clusters;
using Exapyte.Testing.Processes;

namespace Exapyte.Hosting.Tests;

/// <summary>The examples of the README are the samples, which are compiled and run.</summary>
public sealed class ReadmeTests
{
    [Theory]
    [InlineData("Embedded")]
    [InlineData("Client")]
    public void An_example_is_the_program_of_its_sample(string sample)
    {
        var root = RepositoryRoot();
        var program = File.ReadAllText(Path.Combine(root, "samples", sample, "Program.cs"));
        var readme = File.ReadAllText(Path.Combine(root, "README.md"));

        Assert.Contains($"```csharp\n{program}```", readme);
    }

    [Fact]
    public async Task The_example_of_a_client_runs_against_a_node_and_says_what_the_readme_says()
    {
        using var folder = new TemporaryFolder("example");
        await using var node = await EmbeddedHost.StartAsync(folder.File("data"));

        var output = await ChildProcess.RunAsync(
            SiloProcess.ExecutableOf("Exapyte.Samples.Client"),
            [node.Addresses],
            TimeSpan.FromMinutes(1)
        );

        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.StartsWith("User { Name = Ada, Age = 36 } at version ", lines[0]);
        Assert.StartsWith("Somebody was faster: version ", lines[1]);
        Assert.Equal(["ada is 37", "alan is 41", "alan is 40 or older"], lines[2..]);
    }

    static string RepositoryRoot()
    {
        var at = new DirectoryInfo(AppContext.BaseDirectory);
        while (at is not null && !File.Exists(Path.Combine(at.FullName, "Exapyte.sln")))
        {
            at = at.Parent;
        }
        return at?.FullName ?? throw new InvalidOperationException("No repository above the tests.");
    }
}
