using Exapyte.House.Tests.Rules;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Xunit;

namespace Exapyte.House.Tests;

/// <summary>Each arrow rule, shown a violation, sees it.</summary>
public sealed class PlantedArrowTests
{
    [Fact]
    public void An_undeclared_project_reference_is_seen()
    {
        var violations = Arrows.Violations(With("Exapyte.Raft", "Exapyte.Storage"));
        Assert.Contains("Exapyte.Raft -> Exapyte.Storage: this arrow is not declared", violations);
    }

    [Fact]
    public void A_reference_smuggled_in_through_another_project_is_seen()
    {
        var projects = With("Exapyte.Client", "Exapyte.Grains.Interfaces", "Helpers")
            .Append(Project("Helpers", "Exapyte.Storage"))
            .ToList();
        Assert.Contains(
            "Exapyte.Client ->> Exapyte.Storage: reached through other projects",
            Arrows.Violations(projects)
        );
    }

    [Fact]
    public void A_missing_house_is_seen() =>
        Assert.Contains("Exapyte.Raft: its project file is missing", Arrows.Violations([]));

    [Fact]
    public void The_declared_projects_alone_are_accepted() => Assert.Empty(Arrows.Violations(Declared()));

    [Fact]
    public void An_assembly_that_uses_another_house_is_seen()
    {
        var used = Arrows.ReferencedAssemblies(CompileAgainst("Exapyte.Storage", "Exapyte.Gateway"));
        Assert.Contains("Exapyte.Storage", used);
        Assert.Contains("Exapyte.Gateway.dll uses Exapyte.Storage.dll", Arrows.Violations("Exapyte.Gateway", used));
        Assert.Empty(Arrows.Violations("Exapyte.Grains", used));
    }

    [Fact]
    public void A_stranger_in_the_consensus_core_is_seen() =>
        Assert.Equal(
            ["Exapyte.Raft.dll uses Orleans.Core.dll, a stranger to this house"],
            Arrows.Violations("Exapyte.Raft", ["System.Runtime", "Orleans.Core"])
        );

    static IReadOnlyList<SourceFile> Declared() =>
        [
            Project("Exapyte.Raft"),
            Project("Exapyte.Storage"),
            Project("Exapyte.Queries"),
            Project("Exapyte.Grains.Interfaces"),
            Project(
                "Exapyte.Grains",
                "Exapyte.Grains.Interfaces",
                "Exapyte.Queries",
                "Exapyte.Raft",
                "Exapyte.Storage"
            ),
            Project("Exapyte.Client", "Exapyte.Grains.Interfaces", "Exapyte.Queries"),
            Project("Exapyte.Gateway", "Exapyte.Client"),
            Project("Exapyte.Hosting", "Exapyte.Grains", "Exapyte.Client", "Exapyte.Gateway"),
            Project("Exapyte.Providers", "Exapyte.Client"),
            Project("Exapyte.Silo", "Exapyte.Hosting"),
        ];

    static IReadOnlyList<SourceFile> With(string house, params string[] references) =>
        [.. Declared().Where(project => project.NameWithoutExtension != house), Project(house, references)];

    static SourceFile Project(string name, params string[] references)
    {
        var items = references.Select(reference =>
            $"<ProjectReference Include=\"../{reference}/{reference}.csproj\" />"
        );
        return new SourceFile(
            $"{name}/{name}.csproj",
            $"<Project><ItemGroup>{string.Concat(items)}</ItemGroup></Project>"
        );
    }

    static MemoryStream CompileAgainst(string referenced, string name)
    {
        var core = MetadataReference.CreateFromFile(typeof(object).Assembly.Location);
        var library = Compile(referenced, "public class Secret;", core);
        return Compile(
            name,
            "public class Thief { public Secret Stolen = new(); }",
            core,
            MetadataReference.CreateFromStream(library)
        );
    }

    static MemoryStream Compile(string name, string source, params MetadataReference[] references)
    {
        var compilation = CSharpCompilation.Create(
            name,
            [CSharpSyntaxTree.ParseText(source)],
            references,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary)
        );
        var image = new MemoryStream();
        var result = compilation.Emit(image);
        Assert.True(result.Success, string.Join('\n', result.Diagnostics));
        image.Position = 0;
        return image;
    }
}
