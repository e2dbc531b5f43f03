using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Exapyte.House.Tests.Rules;

/// <summary>What a document names as code, and in the shape of a type or a member, there is in the sources.</summary>
public static partial class DocumentedNames
{
    public static IEnumerable<string> Violations(IEnumerable<SourceFile> documents, IEnumerable<SourceFile> sources)
    {
        var known = sources
            .SelectMany(file => Syntax.Root(file).DescendantTokens())
            .Where(token => token.IsKind(SyntaxKind.IdentifierToken))
            .Select(token => token.ValueText)
            .ToHashSet(StringComparer.Ordinal);
        return from document in documents
            where document.Path.EndsWith(".md", StringComparison.Ordinal)
            from Match match in NamesInCode().Matches(document.Text)
            from name in match.Groups[1].Value.Split('.')
            where HasTwoHumps().IsMatch(name) && !known.Contains(name)
            select $"{document.Path} names {name}, which there is not";
    }

    [GeneratedRegex("`([A-Z][A-Za-z0-9]+(?:\\.[A-Z][A-Za-z0-9]+)*)`")]
    private static partial Regex NamesInCode();

    [GeneratedRegex("^[A-Z][a-z0-9]+[A-Z][a-z]")]
    private static partial Regex HasTwoHumps();
}
