using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Exapyte.House.Tests.Rules;

/// <summary>Every package has one exact version, written in one file, and every project has its lock file.</summary>
public static partial class Packages
{
    public static IEnumerable<string> Violations(
        SourceFile central,
        IReadOnlyList<SourceFile> projects,
        Func<string, bool> exists
    )
    {
        var pinned = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var package in XDocument.Parse(central.Text).Descendants("PackageVersion"))
        {
            var name = (string?)package.Attribute("Include") ?? "";
            var version = (string?)package.Attribute("Version") ?? "";
            if (!pinned.Add(name))
                yield return $"{central.Path}: {name} is pinned twice";
            if (!Exact.IsMatch(version))
                yield return $"{central.Path}: {name} {version} is not one exact version";
        }
        foreach (var project in projects)
        {
            foreach (var violation in OfProject(project, pinned))
                yield return violation;
            var lockFile = project.Folder + "/packages.lock.json";
            if (!exists(lockFile))
                yield return $"{project.Path}: {lockFile} is missing";
        }
    }

    static IEnumerable<string> OfProject(SourceFile project, HashSet<string> pinned)
    {
        foreach (var reference in XDocument.Parse(project.Text).Descendants("PackageReference"))
        {
            var name = (string?)reference.Attribute("Include") ?? "";
            if (!pinned.Contains(name))
                yield return $"{project.Path}: {name} is not pinned centrally";
            if (reference.Attribute("Version") is not null || reference.Attribute("VersionOverride") is not null)
                yield return $"{project.Path}: {name} brings its own version";
        }
    }

    [GeneratedRegex(
        @"^\d+(\.\d+){1,3}(-[0-9A-Za-z.\-]+)?$",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant
    )]
    private static partial Regex Exact { get; }
}
