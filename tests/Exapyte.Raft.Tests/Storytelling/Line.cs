using Exapyte.Raft.Tests.Harness;

namespace Exapyte.Raft.Tests.Storytelling;

/// <summary>A command of a story: a verb, words, and settings of the form <c>name=value</c>.</summary>
sealed class Line
{
    readonly Dictionary<string, string> settings = [];

    public Line(string text)
    {
        var words = new List<string>();
        foreach (var word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = word.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0)
            {
                settings[word[..equals]] = word[(equals + 1)..];
            }
            else
            {
                words.Add(word);
            }
        }

        Verb = words[0];
        Words = words[1..];
    }

    public string Verb { get; }

    public IReadOnlyList<string> Words { get; }

    public int Number(int place, int otherwise = 0) => place < Words.Count ? int.Parse(Words[place]) : otherwise;

    public MemberId Member(int place = 0) => Make.Id(Number(place));

    public bool Has(string word) => Words.Contains(word);

    public string? Setting(string name) => settings.GetValueOrDefault(name);

    public int Setting(string name, int otherwise) => Setting(name) is { } text ? int.Parse(text) : otherwise;

    public int[] Numbers(string name) =>
        Setting(name) is { } text ? [.. text.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)] : [];
}
