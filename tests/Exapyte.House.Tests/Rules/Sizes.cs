using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Exapyte.House.Tests.Rules;

/// <summary>One screen: a file of at most 400 lines, a type of at most 600 over all its files, a function body of at most 60.</summary>
public static class Sizes
{
    public const int FileLinesMax = 400;
    public const int TypeLinesMax = 600;
    public const int FunctionLinesMax = 60;

    /// <summary>Types that were larger when the rule came: they may shrink, and never grow.</summary>
    static readonly Dictionary<string, int> s_debts = new(StringComparer.Ordinal)
    {
        ["Exapyte.Grains.ControlPlane.KeyspaceGrain"] = 735,
    };

    /// <summary>A type in several files is one type.</summary>
    public static IEnumerable<string> Violations(IEnumerable<SourceFile> files) =>
        files
            .SelectMany(file => Syntax.Root(file).DescendantNodes().OfType<TypeDeclarationSyntax>())
            .Where(type => type.Modifiers.Any(SyntaxKind.PartialKeyword))
            .GroupBy(NameOf, StringComparer.Ordinal)
            .Select(parts => (Name: parts.Key, Lines: parts.Sum(LineCount)))
            .Where(type => type.Lines > s_debts.GetValueOrDefault(type.Name, TypeLinesMax))
            .Select(type => $"{type.Name}: {type.Lines} lines over all its files");

    public static IEnumerable<string> Violations(SourceFile file)
    {
        var lines = file.Text.AsSpan().TrimEnd().Count('\n') + 1;
        if (lines > FileLinesMax)
            yield return $"{file.Path}: {lines} lines";
        foreach (var (name, bodyLines) in Functions(file))
        {
            if (bodyLines > FunctionLinesMax)
                yield return $"{file.Path}: {name} has {bodyLines} lines";
        }
    }

    static IEnumerable<(string Name, int Lines)> Functions(SourceFile file)
    {
        var root = Syntax.Root(file);
        foreach (var node in root.DescendantNodes())
        {
            if (NameAndBody(node) is (var name, { } body))
                yield return (name, LineCount(body));
        }

        // A program of top-level statements is one function; its local functions are counted by themselves.
        var statements = root
            .Members.OfType<GlobalStatementSyntax>()
            .Where(member => member.Statement is not LocalFunctionStatementSyntax);
        yield return ("the program", statements.Sum(LineCount));
    }

    static (string Name, SyntaxNode? Body) NameAndBody(SyntaxNode node) =>
        node switch
        {
            BaseMethodDeclarationSyntax method => (
                (method as MethodDeclarationSyntax)?.Identifier.Text ?? method.Kind().ToString(),
                (SyntaxNode?)method.Body ?? method.ExpressionBody
            ),
            LocalFunctionStatementSyntax local => (
                local.Identifier.Text,
                (SyntaxNode?)local.Body ?? local.ExpressionBody
            ),
            AccessorDeclarationSyntax accessor => (
                accessor.Keyword.Text,
                (SyntaxNode?)accessor.Body ?? accessor.ExpressionBody
            ),
            PropertyDeclarationSyntax property => (property.Identifier.Text, property.ExpressionBody),
            _ => ("", null),
        };

    static string NameOf(TypeDeclarationSyntax type) =>
        string.Join(
            '.',
            type.AncestorsAndSelf()
                .Reverse()
                .Select(node =>
                    node switch
                    {
                        BaseNamespaceDeclarationSyntax space => space.Name.ToString(),
                        TypeDeclarationSyntax outer => outer.Identifier.Text + outer.TypeParameterList,
                        _ => null,
                    }
                )
                .OfType<string>()
        );

    static int LineCount(SyntaxNode node)
    {
        var span = node.SyntaxTree.GetLineSpan(node.Span);
        return span.EndLinePosition.Line - span.StartLinePosition.Line + 1;
    }
}
