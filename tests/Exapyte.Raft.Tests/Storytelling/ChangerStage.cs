using Exapyte.Raft.Tests.Harness;

namespace Exapyte.Raft.Tests.Storytelling;

/// <summary>Stories about configurations alone: <c>simple</c>, <c>enter-joint [autoleave]</c>, <c>leave-joint</c>, <c>from</c>.</summary>
sealed class ChangerStage
{
    Configuration current = Configuration.Empty;

    /// <summary>What follows; null if the line is no business of this stage.</summary>
    public IReadOnlyList<string>? Play(Line line)
    {
        switch (line.Verb)
        {
            case "from":
                current = Configuration.Of(
                    line.Numbers("voters").Select(Make.Id),
                    line.Numbers("learners").Select(Make.Id)
                );
                return [$"{current}"];
            case "simple":
                return [Change(line, ConfigurationTransition.Auto)];
            case "enter-joint":
                return
                [
                    Change(
                        line,
                        line.Has("autoleave")
                            ? ConfigurationTransition.JointAutoLeave
                            : ConfigurationTransition.JointExplicitLeave
                    ),
                ];
            case "leave-joint":
                return [Apply(ConfigurationChange.Leave)];
            default:
                return null;
        }
    }

    string Change(Line line, ConfigurationTransition transition) =>
        Apply(
            new ConfigurationChange(
                [
                    .. line
                        .Words.Where(word => word != "autoleave")
                        .Select(word => new MemberChange(Stage.KindOf(word[0]), Make.Id(int.Parse(word[1..])))),
                ],
                transition
            )
        );

    string Apply(ConfigurationChange change)
    {
        if (!ConfigurationChanger.TryApply(current, change, out var next, out var refusal))
        {
            return $"refused: {refusal}";
        }

        current = next;
        return $"{current}";
    }
}
