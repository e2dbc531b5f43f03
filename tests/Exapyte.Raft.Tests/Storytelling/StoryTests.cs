using System.Runtime.CompilerServices;
using System.Text;

namespace Exapyte.Raft.Tests.Storytelling;

/// <summary>
/// Plays the stories under <c>Stories/</c>: lines behind <c>&gt;</c> are what happens, the lines below what follows from it. With
/// the environment variable <c>EXAPYTE_REGENERATE=1</c> the stories are written anew: read the difference, it is the
/// specification.
/// </summary>
public class StoryTests
{
    const string Folder = "Stories";

    public static TheoryData<string> Names() =>
        [
            .. Directory
                .GetFiles(Path.Combine(AppContext.BaseDirectory, Folder), "*.txt")
                .Select(file => Path.GetFileNameWithoutExtension(file)!)
                .Order(),
        ];

    [Theory]
    [MemberData(nameof(Names))]
    public void Story(string name)
    {
        var told = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, Folder, $"{name}.txt"));
        var played = Play(told);
        if (Environment.GetEnvironmentVariable("EXAPYTE_REGENERATE") == "1")
        {
            File.WriteAllText(Path.Combine(SourceFolder(), $"{name}.txt"), played);
            return;
        }

        Assert.Equal(told, played, ignoreLineEndingDifferences: true);
    }

    static string Play(string story)
    {
        var stages = new Stage();
        var changer = new ChangerStage();
        var text = new StringBuilder();
        foreach (var line in story.Split('\n'))
        {
            if (line.StartsWith("> ", StringComparison.Ordinal))
            {
                text.Append(line).Append('\n');
                var command = new Line(line[2..]);
                foreach (var told in changer.Play(command) ?? stages.Play(command))
                {
                    text.Append(told).Append('\n');
                }
            }
            else if (line.Length == 0 || line[0] == '#')
            {
                text.Append(line).Append('\n');
            }
        }

        return text.ToString().TrimEnd('\n') + "\n";
    }

    static string SourceFolder([CallerFilePath] string file = "") =>
        Path.Combine(Path.GetDirectoryName(file)!, "..", Folder);
}
