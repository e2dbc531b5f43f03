using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Xml.Linq;

namespace Exapyte.House.Tests.Rules;

/// <summary>
/// Which house may know which. Held twice: in the project files, where an arrow is declared, and in the compiled
/// assemblies, where it is used (a type that leaks through a transitive reference shows only there).
/// </summary>
public static class Arrows
{
    const string HousePrefix = "Exapyte.";

    static readonly Dictionary<string, string[]> s_declared = new(StringComparer.Ordinal)
    {
        ["Exapyte.Raft"] = [],
        ["Exapyte.Storage"] = [],
        ["Exapyte.Queries"] = [],
        ["Exapyte.Grains.Interfaces"] = [],
        ["Exapyte.Grains"] = ["Exapyte.Grains.Interfaces", "Exapyte.Queries", "Exapyte.Raft", "Exapyte.Storage"],
        ["Exapyte.Client"] = ["Exapyte.Grains.Interfaces", "Exapyte.Queries"],
        ["Exapyte.Gateway"] = ["Exapyte.Client"],
        ["Exapyte.Hosting"] = ["Exapyte.Grains", "Exapyte.Client", "Exapyte.Gateway"],
        ["Exapyte.Providers"] = ["Exapyte.Client"],
        ["Exapyte.Silo"] = ["Exapyte.Hosting"],
    };

    // The consensus core is plain C#; the storage house knows files and its engine, never the shell around it.
    static readonly Dictionary<string, string[]> s_strangers = new(StringComparer.Ordinal)
    {
        ["Exapyte.Raft"] = ["Orleans", "Microsoft.", "RocksDb", "RocksDB", "Npgsql"],
        ["Exapyte.Storage"] = ["Orleans", "Microsoft.AspNetCore"],
        ["Exapyte.Queries"] = ["Orleans", "Microsoft.", "RocksDb", "RocksDB", "Npgsql"],
        ["Exapyte.Grains.Interfaces"] = ["RocksDb", "RocksDB", "Microsoft.AspNetCore"],
        ["Exapyte.Client"] = ["RocksDb", "RocksDB", "Microsoft.AspNetCore"],
        ["Exapyte.Gateway"] = ["RocksDb", "RocksDB", "Npgsql"],
    };

    // Orleans' TLS is set up in terms of the connections that this assembly describes. It knows no HTTP.
    static readonly (string House, string Assembly) s_exception = (
        "Exapyte.Client",
        "Microsoft.AspNetCore.Connections.Abstractions"
    );

    public static IReadOnlyCollection<string> Houses => s_declared.Keys;

    /// <summary>What a house may reach over any number of arrows.</summary>
    public static IReadOnlySet<string> Reachable(string house)
    {
        var reached = new HashSet<string>(StringComparer.Ordinal);
        var open = new Stack<string>(s_declared[house]);
        while (open.TryPop(out var next))
        {
            if (!reached.Add(next))
                continue;
            foreach (var further in s_declared[next])
                open.Push(further);
        }
        return reached;
    }

    /// <summary>Judges the project references of every house, direct ones and those they bring along.</summary>
    public static IEnumerable<string> Violations(IReadOnlyList<SourceFile> projects)
    {
        var references = projects.ToDictionary(
            project => project.NameWithoutExtension,
            ReferencedProjects,
            StringComparer.Ordinal
        );
        foreach (var house in Houses)
        {
            if (!references.TryGetValue(house, out var direct))
            {
                yield return $"{house}: its project file is missing";
                continue;
            }
            foreach (var reference in direct.Except(s_declared[house], StringComparer.Ordinal))
                yield return $"{house} -> {reference}: this arrow is not declared";
            foreach (var reference in Closure(house, references).Except(Reachable(house), StringComparer.Ordinal))
                yield return $"{house} ->> {reference}: reached through other projects";
        }
    }

    /// <summary>Judges what a compiled house really uses.</summary>
    public static IEnumerable<string> Violations(string house, IEnumerable<string> referencedAssemblies)
    {
        var allowed = Reachable(house);
        var strangers = s_strangers.GetValueOrDefault(house, []);
        foreach (var reference in referencedAssemblies)
        {
            if (reference.StartsWith(HousePrefix, StringComparison.Ordinal) && !allowed.Contains(reference))
                yield return $"{house}.dll uses {reference}.dll";
            if (
                (house, reference) != s_exception
                && strangers.Any(stranger => reference.StartsWith(stranger, StringComparison.Ordinal))
            )
                yield return $"{house}.dll uses {reference}.dll, a stranger to this house";
        }
    }

    /// <summary>The names an assembly refers to, read from its metadata without loading it.</summary>
    public static IReadOnlyList<string> ReferencedAssemblies(Stream assembly)
    {
        using var pe = new PEReader(assembly, PEStreamOptions.LeaveOpen);
        var metadata = pe.GetMetadataReader();
        return
        [
            .. metadata.AssemblyReferences.Select(handle =>
                metadata.GetString(metadata.GetAssemblyReference(handle).Name)
            ),
        ];
    }

    static IReadOnlyList<string> ReferencedProjects(SourceFile project) =>
        [
            .. XDocument
                .Parse(project.Text)
                .Descendants("ProjectReference")
                .Select(reference => (string?)reference.Attribute("Include") ?? "")
                .Select(include => Path.GetFileNameWithoutExtension(include.Replace('\\', '/'))),
        ];

    static HashSet<string> Closure(string from, Dictionary<string, IReadOnlyList<string>> references)
    {
        var reached = new HashSet<string>(StringComparer.Ordinal);
        var open = new Stack<string>(references[from]);
        while (open.TryPop(out var next))
        {
            if (!reached.Add(next))
                continue;
            foreach (var further in references.GetValueOrDefault(next, []))
                open.Push(further);
        }
        return reached;
    }
}
