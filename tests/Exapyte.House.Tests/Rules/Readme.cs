namespace Exapyte.House.Tests.Rules;

/// <summary>The README's first code block is the two commands that start a node and use it.</summary>
public static class Readme
{
    const int LinesBeforeTheCommandsMax = 15;

    public static IEnumerable<string> Violations(SourceFile readme)
    {
        var lines = readme.Text.Split('\n');
        var fence = Array.FindIndex(lines, line => line.StartsWith("```", StringComparison.Ordinal));
        if (fence < 0 || fence > LinesBeforeTheCommandsMax)
        {
            yield return $"{readme.Path} does not open with commands";
            yield break;
        }
        var commands = lines[(fence + 1)..]
            .TakeWhile(line => !line.StartsWith("```", StringComparison.Ordinal))
            .Where(line => line.Length > 0 && !char.IsWhiteSpace(line[0]) && line[0] != '#')
            .ToList();
        if (commands.Count != 2)
            yield return $"{readme.Path} opens with {commands.Count} commands instead of two";
        if (!commands.Any(command => command.Contains("--project Exapyte.Silo", StringComparison.Ordinal)))
            yield return $"{readme.Path} does not open with the command that starts a node";
    }
}
