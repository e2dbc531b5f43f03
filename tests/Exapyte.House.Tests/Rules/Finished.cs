using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Exapyte.House.Tests.Rules;

/// <summary>What is here is finished: nothing is promised for later, left out at run time or skipped in a test.</summary>
public static partial class Finished
{
    public static IEnumerable<string> Violations(SourceFile file)
    {
        foreach (var (line, number) in file.Text.Split('\n').Select((line, index) => (line, index + 1)))
        {
            if (PromiseForLater.Match(line) is { Success: true } promise)
                yield return $"{file.Path}:{number}: {promise.Value}";
        }
        if (!file.Path.EndsWith(".cs", StringComparison.Ordinal))
            yield break;
        foreach (var node in Syntax.Root(file).DescendantNodes())
        {
            if (Unfinished(node) is { } what)
                yield return $"{file.Path}:{Syntax.Line(node)}: {what}";
        }
    }

    static string? Unfinished(Microsoft.CodeAnalysis.SyntaxNode node) =>
        node switch
        {
            IdentifierNameSyntax { Identifier.Text: "NotImplementedException" } => "throws for lack of code",
            AttributeArgumentSyntax { NameEquals.Name.Identifier.Text: "Skip" or "SkipWhen" or "SkipUnless" } =>
                "a skipped test",
            MemberAccessExpressionSyntax
            {
                Expression: IdentifierNameSyntax { Identifier.Text: "Assert" },
                Name.Identifier.Text: "Skip" or "SkipWhen" or "SkipUnless",
            } => "a test that skips itself",
            _ => null,
        };

    [GeneratedRegex(@"\b(TO[D]O|FIX[M]E|HA[C]K|XX[X])\b", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant)]
    private static partial Regex PromiseForLater { get; }
}
