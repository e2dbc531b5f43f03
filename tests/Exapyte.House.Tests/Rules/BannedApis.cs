using System.Xml.Linq;

namespace Exapyte.House.Tests.Rules;

/// <summary>
/// The analyzer refuses a banned API only in a project that hands it the list, so the lists' contents and their wiring
/// are both held here. The consensus core has a list of its own, which also bans threads, tasks and chance.
/// </summary>
public static class BannedApis
{
    public const string Analyzer = "Microsoft.CodeAnalysis.BannedApiAnalyzers";

    static readonly string[] s_everywhere =
    [
        "P:System.DateTime.Now",
        "P:System.DateTime.UtcNow",
        "P:System.DateTimeOffset.Now",
        "P:System.DateTimeOffset.UtcNow",
        "M:System.Threading.Thread.Sleep(System.Int32)",
        "M:System.Threading.Thread.Sleep(System.TimeSpan)",
        "M:System.IO.RandomAccess.FlushToDisk(Microsoft.Win32.SafeHandles.SafeFileHandle)",
        "M:System.IO.FileStream.Flush(System.Boolean)",
        "M:System.String.GetHashCode",
    ];

    public static IEnumerable<string> Missing(SourceFile list)
    {
        var banned = list.Text.Split('\n').Select(line => line.Split(';')[0].Trim()).ToHashSet(StringComparer.Ordinal);
        return s_everywhere
            .Where(api => !banned.Contains(api) && !Enclosing(api).Any(banned.Contains))
            .Select(api => $"{list.Path} does not ban {api}");
    }

    // A member is banned as well by its type ("T:System.DateTime") or by a namespace around it ("N:System.IO").
    static IEnumerable<string> Enclosing(string api)
    {
        var name = api[2..].Split('(')[0];
        for (var dot = name.LastIndexOf('.'); dot > 0; dot = name.LastIndexOf('.'))
        {
            name = name[..dot];
            yield return "T:" + name;
            yield return "N:" + name;
        }
    }

    public static IEnumerable<string> Unwired(SourceFile project)
    {
        var xml = XDocument.Parse(project.Text);
        var wired = xml.Descendants("AdditionalFiles")
            .Any(file => Path.GetFileName((string?)file.Attribute("Include")) == "BannedSymbols.txt");
        if (!wired)
            yield return $"{project.Path} does not hand BannedSymbols.txt to the analyzer";
        foreach (var silenced in xml.Descendants("NoWarn"))
            yield return $"{project.Path} silences {silenced.Value} for the whole project";
    }
}
