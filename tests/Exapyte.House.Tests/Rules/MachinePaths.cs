using System.Text.RegularExpressions;

namespace Exapyte.House.Tests.Rules;

/// <summary>A checkout works wherever it lies: no file names a folder of somebody's machine.</summary>
public static partial class MachinePaths
{
    public static IEnumerable<string> Violations(SourceFile file)
    {
        foreach (var (line, number) in file.Text.Split('\n').Select((line, index) => (line, index + 1)))
        {
            if (Absolute.Match(line) is { Success: true } path)
                yield return $"{file.Path}:{number}: {path.Value.Trim()}";
        }
    }

    [GeneratedRegex(
        @"(?<![\w./$}~\-])/(work|root|home/\w+|Users/\w+|tmp/wt|tmp/brief)/|\b[A-Z]:\\\\?(Users|work|src)\b",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant
    )]
    private static partial Regex Absolute { get; }
}
