# SpamAssassin's Bayes alone, no other rule and no network: a line "score PATH" gets the probability at full precision
# or "none", "spam PATH" and "ham PATH" teach it and get "learnt". The database is in the folder named as argument.
# Left as Debian ships it, but for two things in its favour: it speaks from the first mail of each kind on instead of
# the 200th, and nothing expires.
use strict;
use warnings;
use Mail::SpamAssassin;
use Mail::SpamAssassin::PerMsgStatus;

my ($folder) = @ARGV;
$| = 1;
my $spamassassin = Mail::SpamAssassin->new({
    local_tests_only => 1, dont_copy_prefs => 1, userprefs_filename => "/dev/null", userstate_dir => $folder,
    home_dir_for_helpers => $folder,
    post_config_text => "bayes_path $folder/bayes\nbayes_min_spam_num 1\nbayes_min_ham_num 1\nbayes_auto_expire 0\n",
});
$spamassassin->init(1);
$spamassassin->init_learner({});
my ($bayes) = grep { ref eq "Mail::SpamAssassin::Plugin::Bayes" } @{ $spamassassin->{plugins}{plugins} };

while (my $line = <STDIN>) {
    chomp $line;
    my ($what, $path) = split / /, $line, 2;
    open my $file, "<:raw", $path or die "$path: $!";
    my @lines = <$file>;
    close $file;
    my $mail = $spamassassin->parse(\@lines);
    if ($what eq "score") {
        my $status = Mail::SpamAssassin::PerMsgStatus->new($spamassassin, $mail);
        $mail->extract_message_metadata($status);
        my $probability = $bayes->scan($status, $mail);
        print defined $probability ? sprintf("%.17g", $probability) : "none", "\n";
        $status->finish;
    } else {
        $spamassassin->{bayes_scanner}->learn($what eq "spam", $mail);
        print "learnt\n";
    }
    $mail->finish;
}
