using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Exapyte.House.Tests.Rules;

/// <summary>
/// A test waits for a condition with a deadline. A delay is allowed only where it cannot be the thing waited for:
/// inside a loop that asks a condition, on an injected clock, without end (something else ends it), or as a deadline
/// raced against the condition.
/// </summary>
public static class Waits
{
    public static IEnumerable<string> Violations(SourceFile file)
    {
        if (!file.IsTest)
            yield break;
        foreach (var call in Syntax.Root(file).DescendantNodes().OfType<InvocationExpressionSyntax>())
        {
            if (IsFixedSleep(call))
                yield return $"{file.Path}:{Syntax.Line(call)}: {call}";
        }
    }

    static bool IsFixedSleep(InvocationExpressionSyntax call) =>
        (Calls(call, "Thread", "Sleep") || Calls(call, "Task", "Delay"))
        && !IsEndless(call)
        && !TakesAClock(call)
        && !IsInsidePoll(call)
        && !IsRacedAgainstACondition(call);

    static bool Calls(InvocationExpressionSyntax call, string type, string method) =>
        call.Expression is MemberAccessExpressionSyntax access
        && access.Name.Identifier.Text == method
        && access.Expression is SimpleNameSyntax or MemberAccessExpressionSyntax
        && LastName(access.Expression) == type;

    static string LastName(ExpressionSyntax expression) =>
        expression switch
        {
            MemberAccessExpressionSyntax access => access.Name.Identifier.Text,
            SimpleNameSyntax name => name.Identifier.Text,
            _ => "",
        };

    static bool IsEndless(InvocationExpressionSyntax call) =>
        call.ArgumentList.Arguments.Any(argument => argument.ToString().Contains("Infinite", StringComparison.Ordinal));

    static bool TakesAClock(InvocationExpressionSyntax call) =>
        call.ArgumentList.Arguments.Count > 1
        && LastName(call.ArgumentList.Arguments[1].Expression).TrimStart('_').ToUpperInvariant()
            is "TIME"
                or "CLOCK"
                or "TIMEPROVIDER";

    // A counted loop that only sleeps would be a fixed sleep in disguise; a foreach asks nothing.
    static bool IsInsidePoll(SyntaxNode call) =>
        call.Ancestors().TakeWhile(node => node is not MemberDeclarationSyntax).Any(IsPollingLoop);

    static bool IsPollingLoop(SyntaxNode node) =>
        node switch
        {
            WhileStatementSyntax loop => DoesMoreThanDelay(loop.Condition, loop.Statement),
            DoStatementSyntax loop => DoesMoreThanDelay(loop.Condition, loop.Statement),
            ForStatementSyntax loop => loop.Statement is BlockSyntax { Statements.Count: > 1 },
            _ => false,
        };

    static bool DoesMoreThanDelay(ExpressionSyntax condition, StatementSyntax body) =>
        condition
            .DescendantNodesAndSelf()
            .Any(node => node is InvocationExpressionSyntax or MemberAccessExpressionSyntax)
        || body is BlockSyntax { Statements.Count: > 1 };

    static bool IsRacedAgainstACondition(SyntaxNode call) =>
        call.Ancestors().OfType<InvocationExpressionSyntax>().Any(outer => Calls(outer, "Task", "WhenAny"));
}
