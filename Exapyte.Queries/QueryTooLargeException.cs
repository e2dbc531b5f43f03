namespace Exapyte.Queries;

/// <summary>A query that needs more memory than one query may take. The message says what to change.</summary>
public sealed class QueryTooLargeException(string message) : Exception(message);
