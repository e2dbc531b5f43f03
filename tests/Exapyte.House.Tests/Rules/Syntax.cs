using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Exapyte.House.Tests.Rules;

/// <summary>Reads C# as the compiler does, without building it.</summary>
public static class Syntax
{
    static readonly CSharpParseOptions s_options = new(LanguageVersion.Preview);

    public static CompilationUnitSyntax Root(SourceFile file) =>
        CSharpSyntaxTree.ParseText(file.Text, s_options, file.Path).GetCompilationUnitRoot();

    public static int Line(Microsoft.CodeAnalysis.SyntaxNode node) =>
        node.SyntaxTree.GetLineSpan(node.Span).StartLinePosition.Line + 1;
}
