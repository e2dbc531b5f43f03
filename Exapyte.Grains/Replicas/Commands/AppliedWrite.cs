using Exapyte.Operations;

namespace Exapyte.Grains.Replicas.Commands;

/// <summary>What became of one write of a command, as every replica computes it alike.</summary>
internal readonly record struct AppliedWrite(OutcomeKind Kind, VersionStamp Version, bool Changed)
{
    /// <summary>The outcome that the writer of the command gets.</summary>
    public OperationOutcome ToOutcome() =>
        new()
        {
            Kind = Kind,
            Version = Version,
            Changed = Changed,
            Detail = Kind switch
            {
                OutcomeKind.RequestIdReused => "The request id was used before with another body. Use a new one.",
                OutcomeKind.PreconditionFailed when Version.IsNone => "The condition does not hold: there is no entry.",
                OutcomeKind.PreconditionFailed => "The condition does not hold: the entry is at another version.",
                _ => null,
            },
        };
}
