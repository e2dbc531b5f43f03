using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Exapyte.House.Tests.Rules;

/// <summary>A suppression names its rule and says why, beside it or in the line above.</summary>
public static class Suppressions
{
    public static IEnumerable<string> Violations(SourceFile file)
    {
        var root = Syntax.Root(file);
        var lines = file.Text.Split('\n');
        foreach (
            var pragma in root.DescendantNodes(descendIntoTrivia: true).OfType<PragmaWarningDirectiveTriviaSyntax>()
        )
        {
            if (!pragma.DisableOrRestoreKeyword.IsKind(SyntaxKind.DisableKeyword))
                continue;
            var line = Syntax.Line(pragma);
            var reasonBeside = lines[line - 1].Contains("//", StringComparison.Ordinal);
            var reasonAbove = line > 1 && lines[line - 2].TrimStart().StartsWith("//", StringComparison.Ordinal);
            if (pragma.ErrorCodes.Count == 0 || !(reasonBeside || reasonAbove))
                yield return $"{file.Path}:{line}: {pragma}";
        }
        foreach (var attribute in root.DescendantNodes().OfType<AttributeSyntax>())
        {
            if (attribute.Name.ToString().EndsWith("SuppressMessage", StringComparison.Ordinal) && !SaysWhy(attribute))
                yield return $"{file.Path}:{Syntax.Line(attribute)}: {attribute}";
        }
    }

    static bool SaysWhy(AttributeSyntax attribute) =>
        attribute.ArgumentList?.Arguments.Any(argument =>
            argument.NameEquals?.Name.Identifier.Text == "Justification"
            && argument.Expression.ToString().Length > "\"\"".Length
        ) == true;
}
