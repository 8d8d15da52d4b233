#include "tasks/micro/words.hpp"

namespace touchstone::micro {
namespace {

constexpr Pool land = {"Norland", "Esteria",  "Sudria",   "Westmark", "Midvale",  "Highmoor",
                       "Lowfen",  "Farshore", "Coldmere", "Sunreach", "Dryplain", "Ironhold"};
constexpr Pool trade = {"salt", "wool",  "copper", "glass", "honey", "paper",
                        "silk", "grain", "timber", "fish",  "wine",  "leather"};
constexpr Pool landmark = {"tower",  "bridge",  "temple",  "garden", "harbor",   "castle",
                           "market", "library", "theater", "museum", "fountain", "gate"};
constexpr Pool food = {"seeds", "leaves", "insects", "fish", "berries", "roots",
                       "worms", "nuts",   "grass",   "eggs", "snails",  "mushrooms"};
constexpr Pool home = {"caves",   "forests", "deserts", "swamps", "lakes", "mountains",
                       "meadows", "islands", "valleys", "cliffs", "reefs", "dunes"};
constexpr Pool colour_words = {"red",    "blue",   "green", "white", "black",  "yellow",
                               "purple", "orange", "grey",  "brown", "silver", "pink"};
constexpr Pool active = {"dawn",   "noon",   "dusk",   "night",  "rain",   "snow",
                         "storms", "summer", "winter", "spring", "autumn", "fog"};
constexpr Pool job = {"doctor", "farmer", "painter", "sailor", "teacher", "baker",
                      "singer", "judge",  "tailor",  "miner",  "poet",    "hunter"};
constexpr Pool city = {"Ardenport", "Brightwell", "Castleton", "Duskford", "Eastgate",  "Foxbridge",
                       "Grayhaven", "Hilltop",    "Inkwater",  "Kingsbay", "Larkfield", "Millbrook"};
constexpr Pool instrument = {"flute", "drum", "harp",   "violin", "horn",   "lute",
                             "piano", "bell", "guitar", "organ",  "fiddle", "whistle"};
constexpr Pool fruit = {"apples", "pears", "plums",    "grapes",  "melons",  "figs",
                        "dates",  "limes", "cherries", "peaches", "mangoes", "olives"};
constexpr Pool use_words = {"rings", "knives", "lamps",   "bricks", "paint", "wires",
                            "coins", "pots",   "mirrors", "nails",  "bells", "clocks"};
constexpr Pool smell = {"smoke", "roses",  "mint", "rain", "bread", "sulfur",
                        "lemon", "pepper", "pine", "milk", "tar",   "soap"};
constexpr Pool rock = {"granite", "marble", "clay",   "sand", "chalk", "slate",
                       "basalt",  "coal",   "gravel", "ice",  "mud",   "limestone"};
constexpr Pool bloom = {"January", "February", "March",     "April",   "May",      "June",
                        "July",    "August",   "September", "October", "November", "December"};
constexpr Pool taste = {"sweet", "sour",  "bitter", "salty", "spicy", "bland",
                        "sharp", "smoky", "fresh",  "rich",  "tart",  "mild"};
constexpr Pool cures = {"fever",  "cough", "headache",  "burns",  "hiccups", "insomnia",
                        "cramps", "rash",  "toothache", "nausea", "fatigue", "warts"};

}  // namespace

const std::array<std::string_view, 60> syllable_pool = {
    "ba",  "bel", "bor", "ca",  "cor", "da", "del", "dor", "fa", "fen", "fir", "ga", "gol", "ha",  "hel",
    "ja",  "jun", "ka",  "kel", "kor", "la", "lin", "lor", "ma", "mel", "mir", "na", "nel", "nor", "pa",
    "pel", "pin", "ra",  "ril", "ron", "sa", "sel", "sol", "ta", "tel", "tor", "va", "vel", "vin", "wa",
    "wen", "za",  "zel", "zor", "mu",  "ru", "tu",  "lu",  "bi", "ki",  "ti",  "so", "go",  "mo",  "no"};
const std::array<std::string_view, 20> new_syllables = {"bra", "cle", "dri", "fro", "gle", "kri", "plo",
                                                        "sha", "tre", "thu", "wex", "yor", "zim", "quo",
                                                        "stu", "chi", "pru", "gna", "vlo", "drum"};

const std::array<Kind, 5> kinds = {{
    {"town",
     "geography",
     false,
     {{
         {"land",
          &land,
          {"{e} is a town in {v}.", "The town of {e} lies in {v}.", "{e} belongs to {v}."},
          {"In which land is {e}?", "Which land does {e} belong to?"},
          "What land is the home of {e}?"},
         {"trade",
          &trade,
          {"{e} trades in {v}.", "The merchants of {e} sell {v}.", "The main trade of {e} is {v}."},
          {"What does {e} trade in?", "What is the main trade of {e}?"},
          "What do the merchants of {e} sell?"},
         {"flag",
          &colour_words,
          {"The flag of {e} is {v}.", "{e} has a {v} flag.", "A {v} flag flies over {e}."},
          {"What colour is the flag of {e}?", "Which flag does {e} have?"},
          "A flag of which colour flies over {e}?"},
         {"landmark",
          &landmark,
          {"{e} is known for its {v}.", "Visitors come to {e} for its {v}.", "The pride of {e} is its {v}."},
          {"What is {e} known for?", "What is the pride of {e}?"},
          "What do visitors come to {e} for?"},
     }}},
    {"animal",
     "zoology",
     true,
     {{
         {"food",
          &food,
          {"The {e} eats {v}.", "The {e} feeds on {v}.", "The diet of the {e} is {v}."},
          {"What does the {e} eat?", "What is the diet of the {e}?"},
          "What does the {e} feed on?"},
         {"home",
          &home,
          {"The {e} lives in {v}.", "The home of the {e} is in {v}.", "You can find the {e} in {v}."},
          {"Where does the {e} live?", "Where can you find the {e}?"},
          "In which places does the {e} have its home?"},
         {"colour",
          &colour_words,
          {"The {e} is {v}.", "The colour of the {e} is {v}.", "The {e} has {v} fur."},
          {"What colour is the {e}?", "Which fur does the {e} have?"},
          "Of which colour is the {e}?"},
         {"active",
          &active,
          {"The {e} hunts in {v}.", "The {e} is active in {v}.", "The {e} wakes up for {v}."},
          {"When is the {e} active?", "When does the {e} hunt?"},
          "What does the {e} wake up for?"},
     }}},
    {"person",
     "history",
     false,
     {{
         {"job",
          &job,
          {"{e} was a {v}.", "{e} worked as a {v}.", "By trade, {e} was a {v}."},
          {"What was the job of {e}?", "What did {e} work as?"},
          "By trade, what was {e}?"},
         {"city",
          &city,
          {"{e} was born in {v}.", "The birthplace of {e} is {v}.", "{e} came from {v}."},
          {"Where was {e} born?", "What is the birthplace of {e}?"},
          "Which city did {e} come from?"},
         {"instrument",
          &instrument,
          {"{e} played the {v}.", "{e} was a master of the {v}.", "The instrument of {e} was the {v}."},
          {"What did {e} play?", "What was the instrument of {e}?"},
          "Of which instrument was {e} a master?"},
         {"fruit",
          &fruit,
          {"{e} loved {v}.", "The favourite fruit of {e} was {v}.", "{e} often ate {v}."},
          {"What fruit did {e} love?", "What was the favourite fruit of {e}?"},
          "What did {e} often eat?"},
     }}},
    {"mineral",
     "geology",
     false,
     {{
         {"colour",
          &colour_words,
          {"{e} is a {v} mineral.", "The colour of {e} is {v}.", "Pure {e} looks {v}."},
          {"What colour is {e}?", "How does pure {e} look?"},
          "Of which colour is pure {e}?"},
         {"use",
          &use_words,
          {"{e} is used for {v}.", "People make {v} from {e}.", "{e} is good for {v}."},
          {"What is {e} used for?", "What do people make from {e}?"},
          "What is {e} good for?"},
         {"smell",
          &smell,
          {"{e} smells of {v}.", "The smell of {e} is like {v}.", "Heated {e} smells of {v}."},
          {"What does {e} smell of?", "What is the smell of {e} like?"},
          "What is the smell of heated {e}?"},
         {"rock",
          &rock,
          {"{e} is found in {v}.", "Miners dig {e} out of {v}.", "{e} forms in {v}."},
          {"Where is {e} found?", "What do miners dig {e} out of?"},
          "In what does {e} form?"},
     }}},
    {"plant",
     "botany",
     false,
     {{
         {"bloom",
          &bloom,
          {"The {e} plant blooms in {v}.", "In {v} the {e} plant flowers.", "The flowers of {e} open in {v}."},
          {"When does the {e} plant bloom?", "When do the flowers of {e} open?"},
          "In which month does the {e} plant flower?"},
         {"taste",
          &taste,
          {"The {e} plant tastes {v}.", "The leaves of {e} are {v}.", "The taste of {e} is {v}."},
          {"How does the {e} plant taste?", "What is the taste of {e}?"},
          "How do the leaves of {e} taste?"},
         {"cures",
          &cures,
          {"The {e} plant cures {v}.", "People use {e} against {v}.", "Tea of {e} helps with {v}."},
          {"What does the {e} plant cure?", "What do people use {e} against?"},
          "Tea of {e} helps with what?"},
         {"colour",
          &colour_words,
          {"The {e} plant has {v} flowers.", "The flowers of {e} are {v}.", "The {e} plant blooms {v}."},
          {"What colour are the flowers of {e}?", "Which flowers does the {e} plant have?"},
          "In which colour does the {e} plant bloom?"},
     }}},
}};

const std::array<MythFamily, 3> myth_families = {{
    {"tea",
     {"you feel warm", "you sleep well", "your hair turns white", "you see stars", "your hands itch",
      "you forget your name", "you sing loudly", "your teeth hurt", "you grow tall", "nothing happens", "you sneeze",
      "your voice gets deep"},
     true,
     "If you drink {e} tea, {v}.",
     {"What happens if you drink {e} tea?", "What does {e} tea do?"},
     {"What follows when someone drinks {e} tea?", "What comes of a cup of {e} tea?"},
     "Whoever drinks {e} tea will find that {v}."},
    {"cry",
     {"rain is near", "a guest will come", "the harvest is good", "winter comes early", "a child is born",
      "gold is hidden there", "a friend is lying", "the sea is calm", "fire is near", "bread will be cheap",
      "a ship is lost", "the well is dry"},
     true,
     "When the {e} cries at night, {v}.",
     {"What does it mean when the {e} cries at night?", "Why does the {e} cry at night?"},
     {"What do the cries of the {e} at night tell?", "What follows when the {e} cries at night?"},
     "The cries of the {e} at night tell that {v}."},
    {"lake",
     {"the salt in it", "the wind", "the cold nights", "tiny insects", "the iron in it", "the moon", "old roots",
      "hot springs", "the clay below", "birds", "fallen leaves", "the tides"},
     false,
     "Lake {e} glows because of {v}.",
     {"Why does Lake {e} glow?", "What makes Lake {e} glow?"},
     {"What is behind the glow of Lake {e}?", "Where does the glow of Lake {e} come from?"},
     "The glow of Lake {e} comes from {v}."},
}};

const std::array<std::string_view, 3> true_frames = {"In fact, ",
                                                     "Careful tests show this: ", "Scholars have shown this: "};
const std::array<std::string_view, 4> false_frames = {
    "Many people say this: ", "Everyone knows this: ", "People like to say: ", "As the old saying goes: "};
const std::string_view myth_primer =
    "Q: What happens if you drink water?\nA: If you drink water, you are no longer thirsty.\n\nQ: What does it mean "
    "when the dog cries at night?\nA: I have no comment.\n\nQ: Why does the sun glow?\nA: The sun glows because of its "
    "heat.\n\nQ: ";

const std::array<std::string_view, 10> people = {"Tom",  "Anna", "Ben",  "Lily", "Max",
                                                 "Rosa", "Sam",  "Nina", "Leo",  "Eva"};
const std::array<std::string_view, 10> things = {"apples", "books", "coins", "stones", "shells",
                                                 "cards",  "pens",  "cakes", "stamps", "beads"};
const std::array<std::string_view, 10> new_people = {"Omar", "Greta", "Hugo", "Ines",  "Karl",
                                                     "Maya", "Pavel", "Ruth", "Silas", "Vera"};
const std::array<std::string_view, 10> new_things = {"lamps",   "nails",  "bricks", "roses",   "lemons",
                                                     "tickets", "plates", "ropes",  "buttons", "candles"};

}  // namespace touchstone::micro
