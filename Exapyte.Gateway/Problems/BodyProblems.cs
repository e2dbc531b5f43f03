namespace Exapyte.Gateway.Problems;

/// <summary>The problems that the server itself finds with a body while it is read.</summary>
internal static class BodyProblems
{
    /// <summary>The problem.</summary>
    /// <param name="exception">What the server threw.</param>
    /// <param name="effect">What became of the request, as a clause: a body that is read as it comes may have had an effect.</param>
    public static Problem Of(BadHttpRequestException exception, string effect) =>
        exception.StatusCode switch
        {
            StatusCodes.Status413PayloadTooLarge => new(
                ProblemKinds.TooLarge,
                $"The body is larger than the server takes; {effect}."
            ),
            StatusCodes.Status408RequestTimeout => new(
                ProblemKinds.RequestTimeout,
                $"The body came too slowly; {effect}."
            ),
            _ => new(ProblemKinds.InvalidRequest, $"{exception.Message.TrimEnd('.')}; {effect}."),
        };
}
