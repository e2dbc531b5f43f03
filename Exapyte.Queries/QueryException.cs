using Exapyte.Queries.Syntax;

namespace Exapyte.Queries;

/// <summary>A query that cannot be run as it is written: what is wrong, and where.</summary>
public sealed class QueryException : Exception
{
    /// <summary>Creates the refusal of an expression.</summary>
    /// <param name="message">What is wrong and what to write instead.</param>
    /// <param name="span">Where in the expression.</param>
    public QueryException(string message, TextSpan span)
        : base(message) => Span = span;

    private QueryException(string message, TextSpan span, string member)
        : base(message)
    {
        Span = span;
        Member = member;
    }

    /// <summary>Where in the expression's text, in UTF-16 units counted from 0.</summary>
    public TextSpan Span { get; }

    /// <summary>The member of the query that holds the expression, such as <c>where</c> or <c>select.name</c>; empty where unknown.</summary>
    public string Member { get; } = "";

    /// <summary>The same refusal, with the member that holds the expression.</summary>
    public QueryException In(string member) => new(Message, Span, member);
}
