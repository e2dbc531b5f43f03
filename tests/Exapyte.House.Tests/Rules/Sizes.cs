using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Exapyte.House.Tests.Rules;

/// <summary>One screen: a file of at most 400 lines, a function body of at most 60.</summary>
public static class Sizes
{
    public const int FileLinesMax = 400;
    public const int FunctionLinesMax = 60;

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

    static int LineCount(SyntaxNode node)
    {
        var span = node.SyntaxTree.GetLineSpan(node.Span);
        return span.EndLinePosition.Line - span.StartLinePosition.Line + 1;
    }
}
